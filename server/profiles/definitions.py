"""The facts of FHIR R4 that the server interprets, loaded once from ``profiles/r4/``.

The files there are distilled from HL7's package hl7.fhir.r4.examples 4.0.1 by
``tools/distil_r4.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `name` is ``value[x]`` for a choice; `max` None means ``*``.

    `types` are type names; ``("#Questionnaire.item",)`` reuses that element's
    children. `targets` are the resource types a reference may point at, empty
    when any. `binding` is the URL of a *required* value set, without version.
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

    `elements` maps a type or backbone path (``Patient``, ``Patient.contact``,
    ``HumanName``) to its children by element name, in the order of the spec.
    `search_parameters` maps a resource type to its parameters by code, those of
    Resource and DomainResource included. `compartments` maps a compartment
    code (``Patient``) and a resource type to parameter codes. `value_sets` maps
    a value set's URL to its codes by system; one that cannot be listed
    (MIME types, UCUM) is absent.
    """

    resource_types: tuple[str, ...]
    elements: Mapping[str, Mapping[str, Element]]
    search_parameters: Mapping[str, Mapping[str, SearchParameter]]
    compartments: Mapping[str, Mapping[str, tuple[str, ...]]]
    value_sets: Mapping[str, Mapping[str, frozenset[str]]]
