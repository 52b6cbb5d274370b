"""Conversions: how a value of a cell stands in the tree, and how it is found there again.

A conversion is a pair of functions. Which one an element has, and what it goes by, stands in the
element's row; a new row needs no new conversion.

Spec: WS 363.1-2011 5.1.6; https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir.json import fragment
from server.mappings.domains import Domain, Domains
from server.mappings.tables import Element, WrongTableError
from server.profiles.identity_numbers.kinds import Kind, Kinds
from server.profiles.identity_numbers.residents import WrongNumberError
from server.records.cells import WrongCellError
from server.terminology.service import Terminology

Json = Any
UCUM = "http://unitsofmeasure.org"
Beside = Callable[[str], str]
"""From the name of another element to its value in the same place of the row, "" if it has none."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """`read` makes JSON of a value, `restore` the value of JSON, None if it is not there.

    `read` makes None of what stands with the value of another element, and nowhere else.
    Numbers are read as they are spelled; those to be restored may be their digits. `read` raises
    WrongCellError if the value cannot stand there after all.
    """

    read: Callable[[str, Beside], Json]
    restore: Callable[[Json], str | None]


@dataclass(frozen=True, slots=True)
class Facts:
    """What conversions are made of: tables, the kinds of identity numbers, units, documents.

    `units` has the UCUM unit for what Chinese laboratories write, `documents` what is known of the
    numbers of each type of identity document, by the code of the type.
    """

    domains: Domains
    terminology: Terminology
    kinds: Kinds
    units: Mapping[str, str]
    documents: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """For what a conversion is made."""

    element: Element
    edition: str
    facts: Facts

    @property
    def domain(self) -> Domain:
        """Return the table of the element. Raises WrongTableError."""
        return self.facts.domains.find(self.element.domain, self.edition)

    def option(self, name: str) -> Any:  # noqa: ANN401  # as TOML has it
        """Return what the element's row says of `name`. Raises WrongTableError."""
        if name not in self.element.options:
            message = f"{self.element.name} does not say {name}."
            raise WrongTableError(message)
        return self.element.options[name]


Maker = Callable[[Asked], Conversion]


def _as_it_is(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def string(_: Asked) -> Conversion:
    """Make the text itself."""
    return Conversion(lambda value, _: value, _as_it_is)


def date(_: Asked) -> Conversion:
    """Make a date of YYYYMMDD."""
    return Conversion(
        lambda value, _: f"{value[:4]}-{value[4:6]}-{value[6:8]}",
        lambda value: value[:10].replace("-", "") if isinstance(value, str) else None,
    )


def date_time(_: Asked) -> Conversion:
    """Make a dateTime of YYYYMMDDThhmmss, which is China's; of YYYYMMDD that day."""

    def read(value: str, _: Beside) -> str:
        day = f"{value[:4]}-{value[4:6]}-{value[6:8]}"
        if len(value) == 8:
            return day
        return f"{day}T{value[9:11]}:{value[11:13]}:{value[13:15]}+08:00"

    def restore(value: Json) -> str | None:
        if not isinstance(value, str):
            return None
        day, _, time = value.partition("T")
        digits = time[:8].replace(":", "")
        return day.replace("-", "") + (f"T{digits}" if digits else "")

    return Conversion(read, restore)


def boolean(asked: Asked) -> Conversion:
    """Make a boolean of T and F, or of the codes that the row says."""
    true, false = asked.element.options.get("true", "T"), asked.element.options.get("false", "F")
    written = {True: true, False: false}
    return Conversion(
        lambda value, _: value == true,
        lambda value: written[value] if isinstance(value, bool) else None,
    )


def number(_: Asked) -> Conversion:
    """Make a number of the same digits."""
    return Conversion(lambda value, _: exact(value), _digits)


def positive(_: Asked) -> Conversion:
    """Make a number that is 1 or more, such as the count of a stay."""

    def read(value: str, _: Beside) -> Json:
        if not value.strip("0."):
            raise WrongCellError("dataset-positive")
        return exact(value)

    return Conversion(read, _digits)


def exact(digits: str) -> Json:
    """Return the number that `digits` spell, to be written with the same digits."""
    return int(digits) if digits.isdigit() else fragment(digits.encode())


def _digits(value: Json) -> str | None:
    return None if value is None or isinstance(value, bool | dict | list) else str(value)


def quantity(asked: Asked) -> Conversion:
    """Make a Quantity of a number, in the unit of UCUM that the row of the table says."""
    unit = asked.option("unit")
    rest = {"unit": unit, "system": UCUM, "code": unit}

    def restore(value: Json) -> str | None:
        if not isinstance(value, dict) or value.get("code", unit) != unit:
            return None
        return _digits(value.get("value"))

    return Conversion(lambda value, _: {"value": exact(value), **rest}, restore)


def amount(asked: Asked) -> Conversion:
    """Make a Quantity of a number, in the unit that stands under the element ``with``."""
    beside, units = asked.option("with"), asked.facts.units
    return Conversion(
        lambda value, other: in_unit({"value": exact(value)}, other(beside), units),
        lambda value: _digits(value.get("value")) if isinstance(value, dict) else None,
    )


def in_unit(quantity: dict[str, Json], unit: str, units: Mapping[str, str]) -> dict[str, Json]:
    """Return `quantity` in `unit` as it was written, and as UCUM has it, if that is known."""
    if unit:
        quantity["unit"] = unit
    if unit in units:
        quantity |= {"system": UCUM, "code": units[unit]}
    return quantity


def beside(_: Asked) -> Conversion:
    """Make nothing: what is written stands with the value of another element."""
    return Conversion(lambda _, __: None, _as_it_is)


def money(_: Asked) -> Conversion:
    """Make a Money of yuan."""
    return Conversion(
        lambda value, _: {"value": exact(value), "currency": "CNY"},
        lambda value: _digits(value.get("value")) if isinstance(value, dict) else None,
    )


def coding(asked: Asked) -> Conversion:
    """Make a Coding of a code, with its edition and name."""
    domain = asked.domain
    return Conversion(
        lambda value, _: domain.coding(value),
        lambda value: domain.code([value]) if isinstance(value, dict) else None,
    )


def concept(asked: Asked) -> Conversion:
    """Make a CodeableConcept of a code; first of all its Coding by a ConceptMap, if one is said."""
    domain = asked.domain
    translated = _translations(asked)

    def read(value: str, _: Beside) -> Json:
        return {"coding": [*map(dict, translated.get(value, ())), domain.coding(value)]}

    return Conversion(
        read,
        lambda value: domain.code(value.get("coding", ())) if isinstance(value, dict) else None,
    )


def named(asked: Asked) -> Conversion:
    """Make a CodeableConcept of the name of a code whose table is not published."""
    names = asked.element.values
    codes = {name: code for code, name in names.items()}
    return Conversion(
        lambda value, _: {"text": names[value]},
        lambda value: codes.get(value.get("text", "")) if isinstance(value, dict) else None,
    )


def classified(asked: Asked) -> Conversion:
    """Make ``code`` of a code, and ``category`` of what a ConceptMap or the row has for it."""
    domain, map = asked.domain, concept_map(asked.facts.terminology, asked.option("map"))
    categories = {
        element["code"]: [element["target"][0]["code"]]
        for group in map["group"]
        for element in group["element"]
        if "code" in element["target"][0]
    }

    usual = [asked.option("category")]

    def read(value: str, _: Beside) -> Json:
        category = list(categories.get(value, usual))
        return {"category": category, "code": {"coding": [domain.coding(value)]}}

    return Conversion(read, lambda node: domain.code(node.get("code", {}).get("coding", ())))


def _translations(asked: Asked) -> Mapping[str, tuple[Mapping[str, str], ...]]:
    """Return what the map that the row says has for each code; of several, the closest."""
    name = asked.element.options.get("map")
    if name is None:
        return {}
    found: dict[str, tuple[Mapping[str, str], ...]] = {}
    for group in concept_map(asked.facts.terminology, name).get("group", ()):
        for element in group.get("element", ()):
            targets = [one for one in element.get("target", ()) if "code" in one]
            # v3-NullFlavor and the like say that nothing is known, which the table says better.
            if targets and "NullFlavor" not in group["target"]:
                told = {"system": group["target"], "code": targets[0]["code"]}
                found[element["code"]] = (*found.get(element["code"], ()), told)
    return found


_WRONG_NUMBERS = {
    "identity-number-shape": "dataset-number-shape",
    "identity-number-check": "dataset-number-check",
    "identity-number-embedded": "dataset-number-embedded",
    "identity-number-no-such-day": "dataset-number-no-such-day",
}


def wrong_number(wrong: WrongNumberError, kind: Kind) -> WrongCellError:
    """Return what there is to say of a cell whose number of this `kind` is `wrong`."""
    message = _WRONG_NUMBERS[wrong.message]
    return WrongCellError(message, kind=kind.titles, standard=kind.standard)


def concept_map(terminology: Terminology, name: str) -> Mapping[str, Any]:
    """Return the concept map with the id `name`. Raises WrongTableError."""
    for one in terminology.library.all("ConceptMap"):
        if one.head.id == name:
            return one.read()
    message = f"There is no concept map {name}."
    raise WrongTableError(message)
