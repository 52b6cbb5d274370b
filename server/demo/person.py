"""Who a resident of the demo region is."""

from dataclasses import dataclass
from datetime import date
from random import Random

from server.demo import identity
from server.demo.tables import Division, People, Tables


@dataclass(frozen=True, slots=True)
class Name:
    """A name in characters and in pinyin without tones."""

    family: str
    given: str
    family_pinyin: str
    given_pinyin: str

    @property
    def text(self) -> str:
        """The whole name, family name first."""
        return self.family + self.given


@dataclass(frozen=True, slots=True)
class Person:
    """A resident: `id` is the Patient's, `age` in years at the reference date."""

    id: str
    number: int
    name: Name
    sex: str
    born: date
    age: int
    township: Division
    street: str
    ethnicity: tuple[str, str]
    identity_number: str
    record_number: str
    phone: str


def draw(random: Random, number: int, seed: int, tables: Tables, reference: date) -> Person:
    """Return resident `number` of the region that `seed` stands for."""
    people, region = tables.people, tables.region
    sex = "male" if random.random() < 0.505 else "female"
    age = _age(random, people)
    born = identity.birthday(number, seed, age, reference)
    ethnicity = random.choices(people.ethnicities, people.ethnicity_weights)[0]
    prefecture = region.prefecture.code
    return Person(
        id=f"demo-{seed}-{number:06d}",
        number=number,
        name=draw_name(random, people),
        sex=sex,
        born=born,
        age=age,
        township=random.choice(region.townships),
        street=f"{random.choice(people.streets)}{random.randint(1, 399)}号",
        ethnicity=(ethnicity["code"], ethnicity["name"]),
        identity_number=identity.identity_number(prefecture, born, number, sex),
        record_number=identity.record_number(prefecture, number),
        phone=identity.phone(number),
    )


def draw_name(random: Random, people: People, family: str | None = None) -> Name:
    """Return a placeholder's name: a common surname, or `family`, with a stem and a branch."""
    surnames = people.surnames
    if family is None:
        surname = random.choices(surnames, people.surname_weights)[0]
    else:
        surname = next(surname for surname in surnames if surname["text"] == family)
    stem, branch = random.choice(people.stems), random.choice(people.branches)
    return Name(
        family=surname["text"],
        given=stem["text"] + branch["text"],
        family_pinyin=surname["pinyin"],
        given_pinyin=stem["pinyin"] + branch["pinyin"],
    )


def _age(random: Random, people: People) -> int:
    group = random.choices(range(len(people.age_groups)), people.age_groups)[0]
    return group * 5 + random.randrange(5)
