"""The facts of FHIR R4 that the server interprets, loaded once from ``profiles/r4/``.

The files there are distilled from HL7's package hl7.fhir.r4.examples 4.0.1 by
``tools/distil_r4.py``.

Search parameters: no two of one type share a code. HL7's examples of how to write one, which
would (``_id``, ``Condition?subject``) or could never match (``Patient?part-agree`` reads a
DocumentReference), are left out when the facts are distilled. Should a later edition bring a
clash, a type's own parameter wins over one of DomainResource or Resource, and two of the same
rank are refused.

Spec: https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `name` is ``value[x]`` for a choice; `max` None means ``*``.

    `types` are type names; ``("#Questionnaire.item",)`` reuses that element's
    children. `targets` are the resource types a reference may point at, empty
    when any. `binding` is the URL of a *required* value set, without version. `attribute` tells
    that it is an attribute in XML.
    """

    path: str
    name: str
    min: int
    max: int | None
    types: tuple[str, ...]
    targets: tuple[str, ...] = ()
    binding: str | None = None
    summary: bool = False
    modifier: bool = False
    attribute: bool = False


@dataclass(frozen=True, slots=True)
class Primitive:
    """One primitive type.

    `value` is FHIRPath's kind of it (Boolean, Integer, Decimal, String, Date, DateTime, Time).
    `regex` must match the whole of its text; `min`, `max` bound an integer, `length` a string.
    """

    name: str
    value: str
    regex: str | None = None
    min: int | None = None
    max: int | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """One invariant; `expression` is FHIRPath with the element itself as context."""

    key: str
    severity: str
    expression: str


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter: https://hl7.org/fhir/R4/searchparameter.html.

    `components` are the (definition URL, expression) pairs of a composite.
    """

    id: str
    url: str
    code: str
    type: str
    base: tuple[str, ...]
    expression: str | None
    target: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """All facts, frozen.

    `resource_types` are the concrete ones. `elements` maps a type or backbone path
    (``Patient``, ``Patient.contact``, ``HumanName``) to its children by element name, in the
    order of the spec; primitive types are in `primitives` only. `bases` maps a type to the one
    it specializes (``Age`` to ``Quantity``). `constraints` maps a path to the invariants that
    are declared there; those of its type and the bases of that hold as well.

    `search_parameters` maps a resource type to its parameters by code, those of Resource and
    DomainResource included. `compartments` maps a compartment code (``Patient``) and a resource
    type to parameter codes; ``{def}`` among them means that the resource which gives the
    compartment its name is in it itself. `value_sets` maps a value set's URL to its codes by
    system; one that cannot be listed (MIME types, UCUM) is absent. `models` are the types among
    all these that are not R4's, each with the canonical URL of the logical model that defines it.
    """

    resource_types: tuple[str, ...]
    elements: Mapping[str, Mapping[str, Element]]
    search_parameters: Mapping[str, Mapping[str, SearchParameter]]
    compartments: Mapping[str, Mapping[str, tuple[str, ...]]]
    value_sets: Mapping[str, Mapping[str, frozenset[str]]]
    primitives: Mapping[str, Primitive]
    constraints: Mapping[str, tuple[Constraint, ...]]
    bases: Mapping[str, str]
    models: Mapping[str, str] = field(default_factory=dict)


def load(folder: Path) -> Definitions:
    """Return the facts in `folder`, which is ``profiles/r4``.

    Raises FileNotFoundError if a file is missing, ValueError if two search parameters clash.
    """
    types = _rows(folder, "types")
    bases = {row["name"]: row["base"] for row in types if "base" in row}
    concrete = tuple(
        sorted(
            row["name"] for row in types if row["kind"] == "resource" and not row.get("abstract")
        )
    )
    parameters = [_search_parameter(row) for row in _rows(folder, "search-parameters")]
    return Definitions(
        resource_types=concrete,
        elements=_elements(_rows(folder, "elements")),
        search_parameters=_by_type(parameters, concrete, bases),
        compartments={
            row["code"]: {name: tuple(codes) for name, codes in row["members"].items()}
            for row in _rows(folder, "compartments")
        },
        value_sets={
            row["url"]: {system: frozenset(codes) for system, codes in row["systems"].items()}
            for row in _rows(folder, "value-sets")
        },
        primitives={row["name"]: Primitive(**row) for row in _rows(folder, "primitives")},
        constraints=_constraints(_rows(folder, "constraints")),
        bases=bases,
    )


def _rows(folder: Path, name: str) -> list[_Row]:
    rows: list[_Row] = orjson.loads((folder / f"{name}.json").read_bytes())
    return rows


def _elements(rows: Iterable[_Row]) -> Mapping[str, Mapping[str, Element]]:
    found: dict[str, dict[str, Element]] = {}
    # Equal tuples are kept once: nine elements in ten have one of a few dozen lists of types.
    kept: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in rows:
        parent, _, name = row["path"].rpartition(".")
        types, targets = tuple(row["types"]), tuple(row.get("targets", ()))
        found.setdefault(parent, {})[name] = Element(
            row["path"],
            name,
            row["min"],
            row["max"],
            kept.setdefault(types, types),
            kept.setdefault(targets, targets),
            row.get("binding"),
            row.get("summary", False),
            row.get("modifier", False),
            row.get("attribute", False),
        )
    return found


def _search_parameter(row: _Row) -> SearchParameter:
    return SearchParameter(
        row["id"],
        row["url"],
        row["code"],
        row["type"],
        tuple(row["base"]),
        row.get("expression"),
        tuple(row.get("target", ())),
        tuple((definition, expression) for definition, expression in row.get("components", ())),
    )


def _by_type(
    parameters: Iterable[SearchParameter], concrete: Iterable[str], bases: Mapping[str, str]
) -> Mapping[str, Mapping[str, SearchParameter]]:
    declared: dict[str, dict[str, SearchParameter]] = {}
    for parameter in parameters:
        for name in parameter.base:
            there = declared.setdefault(name, {}).setdefault(parameter.code, parameter)
            if there is not parameter:
                message = f"{there.id} and {parameter.id} are both {name}?{parameter.code}."
                raise ValueError(message)
    return {name: _inherited(declared, name, bases) for name in concrete}


def _inherited(
    declared: Mapping[str, Mapping[str, SearchParameter]], name: str, bases: Mapping[str, str]
) -> Mapping[str, SearchParameter]:
    above = _inherited(declared, bases[name], bases) if name in bases else {}
    return {**above, **declared.get(name, {})}


def _constraints(rows: Iterable[_Row]) -> Mapping[str, tuple[Constraint, ...]]:
    found: dict[str, tuple[Constraint, ...]] = {}
    for row in rows:
        constraint = Constraint(row["key"], row["severity"], row["expression"])
        found[row["path"]] = (*found.get(row["path"], ()), constraint)
    return found
