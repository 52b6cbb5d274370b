#!/usr/bin/env python3
"""Distil HL7's R4 package into the facts under ``profiles/r4/``, without its prose.

Usage: ``python tools/distil_r4.py hl7.fhir.r4.examples-4.0.1.tgz [profiles/r4]``. The package is
the one published on npm (``npm pack hl7.fhir.r4.examples@4.0.1``, CC0-1.0). The same package
always gives the same bytes. Value sets that cannot be listed are named on standard error.

Spec: https://hl7.org/fhir/R4/downloads.html
"""

import json
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from element_definitions import differentials, type_snapshots
from value_sets import value_sets

Json = dict[str, Any]

KINDS = (
    "StructureDefinition",
    "SearchParameter",
    "CompartmentDefinition",
    "ValueSet",
    "CodeSystem",
)

_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
_FHIR_TYPE = _DEFINITION + "structuredefinition-fhir-type"
_REGEX = _DEFINITION + "regex"
_SIMPLE_QUANTITY = _DEFINITION + "SimpleQuantity"


def resources(package: Path, kinds: Iterable[str] = KINDS) -> dict[str, list[Json]]:
    """Return the definitions in `package` of these resource types, each list sorted by URL."""
    found: dict[str, list[Json]] = {kind: [] for kind in kinds}
    with tarfile.open(package) as archive:
        for member in archive:
            kind = Path(member.name).name.partition("-")[0]
            if kind in found and (file := archive.extractfile(member)) is not None:
                found[kind].append(json.load(file))
    for definitions in found.values():
        definitions.sort(key=lambda definition: definition["url"])
    return found


def base_types(definitions: Iterable[Json]) -> list[Json]:
    """Return the definitions of types: no profiles, extensions and logical models."""
    return [
        definition
        for definition in definitions
        if definition["kind"] != "logical" and definition.get("derivation") != "constraint"
    ]


def extension(holder: Json, url: str) -> str | None:
    """Return the value of the extension `url` of `holder`."""
    for item in holder.get("extension", ()):
        if item["url"] == url:
            return next(str(value) for key, value in item.items() if key.startswith("value"))
    return None


def hierarchy(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the name, kind and base of every type, and whether it is abstract."""
    for definition in definitions:
        facts = {
            "name": definition["name"],
            "kind": definition["kind"],
            "base": definition.get("baseDefinition", "").removeprefix(_DEFINITION),
            "abstract": definition["abstract"],
        }
        yield {key: fact for key, fact in facts.items() if fact}


def type_name(element: Json, given: Json) -> str:
    """Return the FHIR name of one type of `element`.

    ``Resource.id`` says string there, although https://hl7.org/fhir/R4/resource.html says id.
    """
    if element["base"]["path"] == "Resource.id":
        return "id"
    return extension(given, _FHIR_TYPE) or given["code"]


def types(element: Json) -> list[str]:
    """Return the type names of `element`, or the ``#path`` whose children it reuses."""
    if "contentReference" in element:
        return [element["contentReference"]]
    return [type_name(element, given) for given in element["type"]]


def targets(element: Json) -> list[str]:
    """Return the resource types that a reference may point at; none when any may be."""
    profiles = {url for given in element.get("type", ()) for url in given.get("targetProfile", ())}
    names = sorted(url.removeprefix(_DEFINITION) for url in profiles)
    return [] if "Resource" in names else names


def element_facts(element: Json) -> Json:
    """Return what is worth knowing of `element`; what has its usual value is left out."""
    binding = element.get("binding", {})
    facts = {
        "path": element["path"],
        "min": element["min"],
        "max": None if element["max"] == "*" else int(element["max"]),
        "types": types(element),
        "targets": targets(element),
        "binding": binding["valueSet"].partition("|")[0]
        if binding.get("strength") == "required"
        else None,
        "summary": element.get("isSummary", False),
        "modifier": element.get("isModifier", False),
        "attribute": "xmlAttr" in element.get("representation", ()),
    }
    return {key: value for key, value in facts.items() if key in ("min", "max") or value}


def elements(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the facts of every element of the resource types and complex data types."""
    for definition in definitions:
        if definition["kind"] != "primitive-type":
            for element in definition["snapshot"]["element"][1:]:
                yield element_facts(element)


def constraints(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the constraints of every type and element, each only where it is declared.

    A snapshot repeats those of the element's own type; who walks a resource meets them there.
    """
    for definition in definitions:
        for element in definition["snapshot"]["element"]:
            for constraint in element.get("constraint", ()):
                if constraint.get("source", definition["url"]) == definition["url"]:
                    yield constraint_facts(element["path"], constraint)


def simple_quantities(definitions: Iterable[Json], profile: Json) -> Iterator[Json]:
    """Yield the constraint of SimpleQuantity for every element that is one."""
    own = [
        constraint
        for constraint in profile["snapshot"]["element"][0]["constraint"]
        if constraint.get("source", profile["url"]) == profile["url"]
    ]
    for definition in definitions:
        for element in definition["snapshot"]["element"]:
            given = element.get("type", ())
            if any(_SIMPLE_QUANTITY in one.get("profile", ()) for one in given):
                yield from (constraint_facts(element["path"], constraint) for constraint in own)


def constraint_facts(path: str, constraint: Json) -> Json:
    """Return what is worth knowing of `constraint`."""
    return {
        "path": path,
        "key": constraint["key"],
        "severity": constraint["severity"],
        "expression": constraint["expression"],
    }


def primitives(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the name, FHIRPath kind, regex and bounds of every primitive type."""
    for definition in definitions:
        if definition["kind"] != "primitive-type":
            continue
        value = next(e for e in definition["snapshot"]["element"] if e["path"].endswith(".value"))
        given = value["type"][0]
        kind = given["code"].removeprefix("http://hl7.org/fhirpath/System.")
        facts = {
            "name": definition["name"],
            # The package calls positiveInt and unsignedInt strings, though both are integers.
            "value": "Integer" if definition["baseDefinition"].endswith("/integer") else kind,
            "regex": extension(given, _REGEX),
            "min": value.get("minValueInteger"),
            "max": value.get("maxValueInteger"),
            "length": value.get("maxLength"),
        }
        yield {key: fact for key, fact in facts.items() if fact is not None}


def search_parameters(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the facts of every search parameter that belongs to a type.

    HL7's three examples of how to write one and those without a base are left out.
    """
    for definition in definitions:
        if definition["id"].partition("-")[0] == "example" or "base" not in definition:
            continue
        facts = {key: definition.get(key) for key in ("id", "url", "code", "type", "base")}
        facts["expression"] = definition.get("expression")
        facts["target"] = sorted(definition.get("target", ()))
        facts["components"] = [
            [component["definition"], component["expression"]]
            for component in definition.get("component", ())
        ]
        yield {key: fact for key, fact in facts.items() if fact}


def compartments(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield for each compartment the parameters that bring a resource type into it."""
    for definition in definitions:
        if definition["id"] != "example":
            members = {
                resource["code"]: resource["param"]
                for resource in definition["resource"]
                if resource.get("param")
            }
            yield {"code": definition["code"], "members": dict(sorted(members.items()))}


def lines(records: Iterable[Json]) -> str:
    """Return `records` as a JSON array with one record a line."""
    texts = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in records)
    return "[\n" + ",\n".join(texts) + "\n]\n"


def main(package: Path, out: Path) -> None:
    """Write the facts of `package` into the folder `out`."""
    found = resources(package)
    profiles = list(differentials(found["StructureDefinition"]))
    simple = next(one for one in found["StructureDefinition"] if one["url"] == _SIMPLE_QUANTITY)
    found["StructureDefinition"] = known = base_types(found["StructureDefinition"])
    rows = list(elements(known))
    bound = {row["binding"] for row in rows if "binding" in row}
    tables: dict[str, Iterable[Json]] = {
        "types": hierarchy(known),
        "elements": rows,
        "constraints": [*constraints(known), *simple_quantities(known, simple)],
        "primitives": primitives(known),
        "search-parameters": search_parameters(found["SearchParameter"]),
        "compartments": compartments(found["CompartmentDefinition"]),
        "value-sets": value_sets(bound, found),
        "snapshots": type_snapshots(known),
        "profiles": profiles,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, records in tables.items():
        (out / f"{name}.json").write_text(lines(records), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "profiles/r4"))
