"""Types beyond R4's: logical models of ours whose instances are kept like resources.

``profiles/models.toml`` names them. A model specializes DomainResource, so its instances have an
id, meta, narrative, contained resources and extensions. Its own elements are read from its
differential, its search parameters are those in ``SearchParameter/`` that have it as their only
base, and they are facts like R4's from then on: nothing else asks which of both a type is of.

Spec: https://hl7.org/fhir/R4/structuredefinition.html#logical
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from server.profiles.definitions import Definitions, Element, SearchParameter

_BASE = "DomainResource"
_BACKBONE = "BackboneElement"
_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Model:
    """One type: the logical model that defines it, and the parameters that put it in compartments.

    `url` is the canonical one of the model, `elements` are the rows of its differential; `targets`
    are the types that the profiles in them are of.
    """

    type: str
    url: str
    elements: Sequence[Mapping[str, Any]]
    targets: Mapping[str, str]
    compartments: Mapping[str, tuple[str, ...]]


def load(folder: Path) -> tuple[Model, ...]:
    """Return the models that ``models.toml`` in `folder`, which is ``profiles``, names.

    Raises ValueError if one is no logical model that specializes DomainResource.
    """
    rows = tomllib.loads((folder / "models.toml").read_text("utf-8"))
    return tuple(_model(folder, type, row) for type, row in rows.items())


def added(
    facts: Definitions, models: Iterable[Model], shipped: Sequence[SearchParameter]
) -> Definitions:
    """Return `facts` with the types of `models`; `shipped` are all search parameters of ours."""
    for model in models:
        facts = _added(facts, model, shipped)
    return facts


def _model(folder: Path, type: str, row: Mapping[str, Any]) -> Model:
    file = folder / "StructureDefinition" / f"{row['definition']}.json"
    definition = orjson.loads(file.read_bytes())
    elements = definition["differential"]["element"]
    is_fit = definition["kind"] == "logical" and elements[0]["path"] == type
    if not is_fit or definition["baseDefinition"] != f"{_DEFINITION}{_BASE}":
        message = f"{file.name} is no logical model {type} that specializes {_BASE}."
        raise ValueError(message)
    members = {owner: tuple(codes) for owner, codes in row["compartments"].items()}
    targets = {url: _type_of(folder, url) for one in elements[1:] for url in _profiles(one)}
    return Model(type, definition["url"], elements[1:], targets, members)


def _profiles(row: Mapping[str, Any]) -> Iterator[str]:
    for one in row["type"]:
        yield from one.get("targetProfile", ())


def _type_of(folder: Path, url: str) -> str:
    """Return the type that `url` is a profile of: one of ours, or the type itself."""
    name = url.rpartition("/")[2]
    if url == f"{_DEFINITION}{name}":
        return name
    type: str = orjson.loads((folder / "StructureDefinition" / f"{name}.json").read_bytes())["type"]
    return type


def _added(facts: Definitions, model: Model, shipped: Sequence[SearchParameter]) -> Definitions:
    type = model.type
    own = {one.code: one for one in shipped if one.base == (type,)}
    # All resources of R4 have these; those of a single type, such as text of its own, have more.
    above = {
        code: one
        for code, one in facts.search_parameters["Basic"].items()
        if {"Resource", _BASE} & set(one.base)
    }
    compartments = {
        owner: {**members, type: model.compartments[owner]}
        if owner in model.compartments
        else members
        for owner, members in facts.compartments.items()
    }
    return replace(
        facts,
        resource_types=tuple(sorted((*facts.resource_types, type))),
        elements={**facts.elements, **_elements(facts, model)},
        search_parameters={**facts.search_parameters, type: {**above, **own}},
        compartments=compartments,
        value_sets={url: _with_type(codes, type) for url, codes in facts.value_sets.items()},
        bases={**facts.bases, type: _BASE},
        models={**facts.models, type: model.url},
    )


def _with_type(systems: Mapping[str, frozenset[str]], type: str) -> Mapping[str, frozenset[str]]:
    """Return the codes of a value set, with `type` if they are the types of resources.

    So its search parameters and operations can be told like those of any type.
    """
    return {
        system: codes | {type} if {"Basic", "Patient"} <= codes else codes
        for system, codes in systems.items()
    }


def _elements(facts: Definitions, model: Model) -> Mapping[str, Mapping[str, Element]]:
    found: dict[str, dict[str, Element]] = {model.type: _inherited(facts, _BASE, model.type)}
    for row in model.elements:
        parent, _, name = row["path"].rpartition(".")
        types = tuple(one["code"] for one in row["type"])
        if types == (_BACKBONE,):
            found[row["path"]] = _inherited(facts, _BACKBONE, row["path"])
        found[parent][name] = Element(
            row["path"],
            name,
            row["min"],
            None if row["max"] == "*" else int(row["max"]),
            types,
            tuple(dict.fromkeys(model.targets[url] for url in _profiles(row))),
            _binding(facts, row),
            row.get("isSummary", False),
            row.get("isModifier", False),
        )
    return found


def _inherited(facts: Definitions, base: str, path: str) -> dict[str, Element]:
    """Return the elements of the type `base` as those of `path`."""
    rows = facts.elements[base].values()
    return {one.name: replace(one, path=f"{path}.{one.name}") for one in rows}


def _binding(facts: Definitions, row: Mapping[str, Any]) -> str | None:
    """Return the required value set of R4 in `row`; those of ours are asked as a profile's are."""
    binding = row.get("binding", {})
    url = binding.get("valueSet", "").partition("|")[0]
    is_known = binding.get("strength") == "required" and url in facts.value_sets
    return url if is_known else None
