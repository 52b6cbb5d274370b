"""What values of a record become on their way into a resource, by the names that tables call it.

A conversion gives None where nothing can be said; then the row is as if its source were not there.

Spec: https://hl7.org/fhir/R4/datatypes.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from server.fhir.json import dumps
from server.mappings.conversions import UCUM, concept_map
from server.mappings.tables import WrongTableError
from server.terminology.service import Terminology

Json = Any
Refer = Callable[[str, Json], Json]
"""From a role and a value, an item of the record or a list of such, to references."""
Contained = Callable[[str], Json]
"""From ``#a`` to the resource that the record contains under it, None if there is none."""
_LOGICAL = ("type", "identifier", "display")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What a string of FHIR may have, and XML may not."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a conversion may look at beside its value: the record's other resources and contents."""

    refer: Refer
    contained: Contained


Convert = Callable[[Json, Around], Json]
Argument = Any
"""What a row gives its conversion as ``with``."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What conversions go by: `units` has the UCUM code of what institutions write."""

    terminology: Terminology
    units: Mapping[str, str]


def conversion(name: str, argument: Argument, facts: Facts) -> Convert:
    """Return the conversion called `name`. Raises WrongTableError if there is none."""
    if name not in CONVERSIONS:
        raise WrongTableError(f"There is no conversion {name}.")
    return CONVERSIONS[name](argument, facts)


def _reference(value: Json, around: Around) -> Json:
    """Return a reference as it can stand elsewhere: of what the record contains, who that is."""
    text = value.get("reference", "")
    if not text.startswith("#"):
        return value
    inside = around.contained(text) or {}
    names = inside.get("name")
    first = names[0] if isinstance(names, list) and names else {"text": names}
    said = {
        "identifier": next(iter(inside.get("identifier", ())), None),
        "display": first.get("text"),
        **{name: value[name] for name in _LOGICAL if name in value},
    }
    return {name: one for name, one in said.items() if one} or None


def _translating(terminology: Terminology, name: str, *, keeps: bool) -> Convert:
    """Return what finds the coding that the concept map `name` has for one of a concept's.

    If it `keeps` the concept, the coding is added to it, else there is only the coding.
    """
    found: dict[tuple[str, str], Json] = {}
    for group in concept_map(terminology, name)["group"]:
        for element in group["element"]:
            for target in element.get("target", ()):
                if "code" in target:
                    coding = {"system": group["target"], "code": target["code"]}
                    found.setdefault((group["source"], element["code"]), coding)

    def convert(value: Json, _: Around) -> Json:
        codings = value.get("coding", ())
        keys = ((one.get("system", ""), one.get("code", "")) for one in codings)
        made = next((found[key] for key in keys if key in found), None)
        if not keeps:
            return made
        is_there = made is None or any(made.items() <= one.items() for one in codings)
        return value if is_there else {**value, "coding": [*codings, made]}

    return convert


def _coded(allowed: frozenset[str]) -> Convert:
    def convert(value: Json, _: Around) -> Json:
        return value if value in allowed else None

    return convert


def _measured(units: Mapping[str, str], quantity: Json) -> Json:
    """Return `quantity` with the code of its unit in UCUM, None if that is not known."""
    if quantity.get("system") == UCUM and "code" in quantity:
        return quantity
    unit = quantity.get("unit") or quantity.get("code")
    code = units.get(unit) if unit else None
    if code is None or "value" not in quantity:
        return None
    return {**quantity, "unit": unit, "system": UCUM, "code": code}


def _spelled(quantity: Json) -> Json:
    """Return the text of `quantity`, its digits as they are."""
    digits = dumps(quantity["value"]).decode() if "value" in quantity else ""
    unit = quantity.get("unit") or quantity.get("code") or ""
    return f"{quantity.get('comparator', '')}{digits} {unit}".strip() or None


def _narrative(value: str) -> Json:
    text = _UNFIT.sub("", value)
    if not text.strip():
        return None
    lines = "<br/>".join(escape(line, quote=False) for line in text.splitlines())
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{lines}</div>'
    return {"status": "additional", "div": div}


def _called(words: Sequence[str]) -> Convert:
    """Return what finds, of those who took part, whoever has a function with one of `words`.

    Earlier words go before later ones.
    """

    def convert(value: Iterable[Json], around: Around) -> Json:
        known = [(function(one), one) for one in value]
        for word in words:
            for called, one in known:
                if word in called:
                    found = who(one, around)
                    if found is not None:
                        return found
        return None

    return convert


def function(participant: Json) -> str:
    """Return what the function of `participant` is called."""
    said = participant.get("function", {})
    names = [said.get("text"), *(one.get("display") for one in said.get("coding", ()))]
    return " ".join(one for one in names if one)


def who(participant: Json, around: Around) -> Json:
    """Return the reference to a participant, by name if by no more; None if it tells nobody."""
    individual = participant.get("individual")
    found = _reference(individual, around) if individual else None
    name = participant.get("name")
    return found or ({"display": name} if name else None)


CONVERSIONS: Mapping[str, Callable[[Argument, Facts], Convert]] = {
    "same": lambda _, __: lambda value, ___: value,
    "refer": lambda role, _: lambda value, around: around.refer(role, value),
    "reference": lambda _, __: _reference,
    "who": lambda _, __: who,
    "called": lambda words, _: _called(tuple(words)),
    "translate": lambda name, facts: _translating(facts.terminology, name, keeps=False),
    "concept": lambda name, facts: _translating(facts.terminology, name, keeps=True),
    "code": lambda allowed, _: _coded(frozenset(allowed)),
    "measured": lambda _, facts: lambda value, __: _measured(facts.units, value),
    "spelled": lambda _, __: lambda value, ___: _spelled(value),
    "joined": lambda between, _: lambda value, __: between.join(value),
    "narrative": lambda _, __: lambda value, ___: _narrative(value),
}
"""What makes a conversion of what its row says ``with``, by the name that rows know it by."""
