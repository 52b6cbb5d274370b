"""When a resident of the demo region sees a doctor, where, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from server.demo.institutions import Institution
from server.demo.person import Name, Person
from server.demo.shapes import at
from server.demo.tables import Illness, Tables
from server.demo.world import World

CHECK_UP, OUTPATIENT, EMERGENCY, INPATIENT = "check-up", "outpatient", "emergency", "inpatient"
_DAYS_BACK = 730
_LONGEST_STAY = 12

# Minutes after midnight between which a visit begins.
_HOURS = {
    CHECK_UP: (480, 660),
    OUTPATIENT: (480, 1020),
    EMERGENCY: (0, 1439),
    INPATIENT: (540, 960),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why and where to: `chronic` tells that `illness` is a lasting one, seen again."""

    kind: str
    illness: Illness | None = None
    chronic: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit at `institution`, with the id and name of the `doctor` there."""

    id: str
    reason: Reason
    start: datetime
    end: datetime
    institution: Institution
    doctor: tuple[str, Name]


def plan(
    random: Random, person: Person, lasting: tuple[Illness, ...], world: World
) -> tuple[Visit, ...]:
    """Return the visits of the two years before the reference date, the earliest first.

    None of them lies before the birth, and each is over at the reference date.
    """
    reasons = _reasons(random, person, lasting, world.tables)
    planned = [(_day(random, person.born, world.reference), reason) for reason in reasons]
    planned.sort(key=lambda visit: visit[0])
    return tuple(
        _visit(
            random, f"{person.id}-v{position}", day, reason, _where(random, person, reason, world)
        )
        for position, (day, reason) in enumerate(planned, 1)
    )


def _where(random: Random, person: Person, reason: Reason, world: World) -> Institution:
    if reason.kind == CHECK_UP or (reason.kind == OUTPATIENT and random.random() < 0.5):
        return world.health_centre(person)
    return world.hospital(person)


def _day(random: Random, born: date, reference: date) -> date:
    # The last days are kept free for a stay in hospital to end before the reference date.
    last = reference - timedelta(_LONGEST_STAY + 1)
    first = max(born, reference - timedelta(_DAYS_BACK))
    return first + timedelta(random.randrange(max(1, (last - first).days)))


def _visit(random: Random, id: str, day: date, reason: Reason, institution: Institution) -> Visit:
    start = at(day, random.randint(*_HOURS[reason.kind]))
    if reason.kind == INPATIENT:
        leaving = day + timedelta(random.randint(3, _LONGEST_STAY - 1))
        end = at(leaving, random.randint(540, 720))
    else:
        end = start + timedelta(minutes=random.randint(10, 90))
    return Visit(id, reason, start, end, institution, random.choice(institution.staff))


def _reasons(
    random: Random, person: Person, lasting: tuple[Illness, ...], tables: Tables
) -> Iterator[Reason]:
    old = person.age >= 65
    for chance in (0.95, 0.35) if old or lasting or person.age < 3 else (0.9, 0.15):
        if random.random() < chance:
            yield Reason(CHECK_UP)
    for illness in lasting:
        for chance in (1, 0.3):
            if random.random() < chance:
                yield Reason(OUTPATIENT, illness, chronic=True)
    stay = 0.15 if old else 0.04
    chances = ((OUTPATIENT, 0.8), (OUTPATIENT, 0.3), (EMERGENCY, 0.07), (INPATIENT, stay))
    for kind, chance in chances:
        if random.random() < chance:
            yield from _acute(random, person, kind, tables)


def _acute(random: Random, person: Person, kind: str, tables: Tables) -> Iterator[Reason]:
    possible = [
        illness
        for illness in tables.acute
        if kind in illness.kinds
        and illness.sex in (None, person.sex)
        and illness.ages[0] <= person.age < illness.ages[1]
    ]
    if possible:
        weights = [illness.weight for illness in possible]
        yield Reason(kind, random.choices(possible, weights)[0])
