"""The tables that the demo region is drawn from, read from ``terminology/demo-region``."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.content import TERMINOLOGY

FOLDER = TERMINOLOGY / "demo-region"

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Division:
    """An administrative division; `parent` is the one it belongs to."""

    code: str
    name: str
    parent: "Division | None" = None


@dataclass(frozen=True, slots=True)
class Region:
    """A prefecture with its counties and townships."""

    prefecture: Division
    counties: tuple[Division, ...]
    townships: tuple[Division, ...]


@dataclass(frozen=True, slots=True)
class People:
    """What persons are drawn from; `age_groups` are by five years."""

    stems: tuple[Mapping[str, str], ...]
    branches: tuple[Mapping[str, str], ...]
    surnames: tuple[Mapping[str, Any], ...]
    surname_weights: tuple[int, ...]
    ethnicities: tuple[Mapping[str, Any], ...]
    ethnicity_weights: tuple[int, ...]
    age_groups: tuple[int, ...]
    streets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is measured: `curves` are points (years, typical value) by gender."""

    key: str
    loinc: str
    display: str
    name: str
    element: str
    unit: str
    decimals: int
    category: str
    curves: Mapping[str, Curve]
    spread: float
    steady: float
    raised: Mapping[str, float]
    normal: tuple[float, float] | None
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Illness:
    """An illness by its ICD-10 code.

    A chronic one has `shares`, percent by decade of age; an acute one has the
    `kinds` of visit it leads to, a `weight` and the `ages` it comes at.
    """

    code: str
    name: str
    department: str
    sex: str | None
    medicines: tuple[str, ...]
    measures: tuple[str, ...]
    shares: tuple[int, ...]
    kinds: tuple[str, ...]
    weight: int
    ages: tuple[int, int]
    days: int


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine by its ATC code, and how it is taken: `dose` of `unit`, so many `times` a day."""

    key: str
    atc: str
    name: str
    dose: float
    unit: str
    times: int
    route: str


@dataclass(frozen=True, slots=True)
class Vaccine:
    """A vaccine: at `months` of age, or for a `share` in a hundred people of `ages`."""

    code: str
    name: str
    months: tuple[int, ...]
    sex: str | None
    ages: tuple[int, int]
    share: int


@dataclass(frozen=True, slots=True)
class Allergen:
    """Something people are allergic to, and how it shows."""

    code: str
    name: str
    category: str
    manifestation: str
    weight: int


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of the region."""

    region: Region
    people: People
    measures: Mapping[str, Measure]
    departments: Mapping[str, str]
    chronic: tuple[Illness, ...]
    acute: tuple[Illness, ...]
    medicines: Mapping[str, Medicine]
    vaccines: tuple[Vaccine, ...]
    allergens: tuple[Allergen, ...]


def read(folder: Path = FOLDER) -> Tables:
    """Return the tables in `folder`."""
    illnesses = _toml(folder / "illnesses.toml")
    prevention = _toml(folder / "prevention.toml")
    measures = [_measure(row) for row in _toml(folder / "measures.toml")["measure"]]
    medicines = [_medicine(row) for row in illnesses["medicine"]]
    return Tables(
        region=_region(_toml(folder / "divisions.toml")),
        people=_people(_toml(folder / "people.toml")),
        measures={measure.key: measure for measure in measures},
        departments=illnesses["departments"],
        chronic=tuple(_illness(row) for row in illnesses["chronic"]),
        acute=tuple(_illness(row) for row in illnesses["acute"]),
        medicines={medicine.key: medicine for medicine in medicines},
        vaccines=tuple(_vaccine(row) for row in prevention["vaccine"]),
        allergens=tuple(Allergen(**row) for row in prevention["allergen"]),
    )


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8"))


def _region(data: Mapping[str, Any]) -> Region:
    prefecture = Division(**data["prefecture"], parent=Division(**data["province"]))
    counties: list[Division] = []
    townships: list[Division] = []
    for row in data["county"]:
        county = Division(row["code"], row["name"], prefecture)
        counties.append(county)
        townships.extend(Division(**township, parent=county) for township in row["townships"])
    return Region(prefecture, tuple(counties), tuple(townships))


def _people(data: Mapping[str, Any]) -> People:
    return People(
        stems=tuple(data["stems"]),
        branches=tuple(data["branches"]),
        surnames=tuple(data["surnames"]),
        surname_weights=tuple(surname["weight"] for surname in data["surnames"]),
        ethnicities=tuple(data["ethnicities"]),
        ethnicity_weights=tuple(ethnicity["weight"] for ethnicity in data["ethnicities"]),
        age_groups=tuple(data["age_groups"]),
        streets=tuple(data["streets"]),
    )


def _measure(row: Mapping[str, Any]) -> Measure:
    common = row.get("curve", ())
    curves = {sex: _curve(row.get(sex, common)) for sex in ("male", "female")}
    normal = row.get("normal")
    return Measure(
        **{key: row[key] for key in ("key", "loinc", "display", "name", "element", "unit")},
        decimals=row["decimals"],
        category=row["category"],
        curves=curves,
        spread=row.get("spread", 0.0),
        steady=row.get("steady", 0.0),
        raised=row.get("raised", {}),
        normal=(normal[0], normal[1]) if normal else None,
        least=row.get("least", 0.0),
        most=row.get("most", 0.0),
    )


def _curve(points: Iterable[tuple[float, float]]) -> Curve:
    return tuple((age, value) for age, value in points)


def _illness(row: Mapping[str, Any]) -> Illness:
    first, last = row.get("ages", (0, 120))
    return Illness(
        code=row["code"],
        name=row["name"],
        department=row["department"],
        sex=row.get("sex"),
        medicines=tuple(row["medicines"]),
        measures=tuple(row.get("measures", ())),
        shares=tuple(row.get("shares", ())),
        kinds=tuple(row.get("kinds", ())),
        weight=row.get("weight", 0),
        ages=(first, last),
        days=row.get("days", 0),
    )


def _medicine(row: Mapping[str, Any]) -> Medicine:
    return Medicine(**{"route": "口服", **row})


def _vaccine(row: Mapping[str, Any]) -> Vaccine:
    first, last = row.get("ages", (0, 0))
    return Vaccine(
        code=row["code"],
        name=row["name"],
        months=tuple(row.get("months", ())),
        sex=row.get("sex"),
        ages=(first, last),
        share=row.get("share", 0),
    )
