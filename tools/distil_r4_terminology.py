#!/usr/bin/env python3
"""Distil HL7's R4 package into ``terminology/r4/``: codes, names, hierarchy, and no prose.

Usage: ``python tools/distil_r4_terminology.py PACKAGE [terminology/r4]``, with the package that
``tools/distil_r4.py`` takes. The same package always gives the same bytes.

Spec: https://hl7.org/fhir/R4/terminologies-systems.html
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from distil_r4 import lines, resources

Json = dict[str, Any]

_HEAD = ("resourceType", "id", "url", "version", "name", "title", "status", "date")
_CONCEPT = ("code", "display", "designation")
# What a concept was deprecated for, and by whom, is not asked for.
_PROPERTIES = ("status", "notSelectable", "abstract", "inactive", "parent", "child")
_ENDS = ("sourceUri", "sourceCanonical", "targetUri", "targetCanonical", "group")


def code_systems(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the facts of every code system but those that show how to write one."""
    for definition in definitions:
        if definition.get("content") in ("complete", "fragment", "not-present"):
            facts = _kept(definition, *_HEAD, "caseSensitive", "valueSet", "content")
            properties = [
                _kept(one, "code", "type")
                for one in definition.get("property", ())
                if one["code"] in _PROPERTIES
            ]
            concepts = [_concept(one) for one in definition.get("concept", ())]
            yield _filled(facts | {"property": properties, "concept": concepts})


def compositions(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the facts of every value set that says what it is composed of."""
    for definition in definitions:
        if "compose" in definition:
            yield _kept(definition, *_HEAD, "compose")


def concept_maps(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield the facts of every concept map but the examples."""
    for definition in definitions:
        if not definition["id"].startswith("example") and "group" in definition:
            yield _kept(definition, *_HEAD, *_ENDS)


def _concept(concept: Json) -> Json:
    properties = [one for one in concept.get("property", ()) if one["code"] in _PROPERTIES]
    inner = [_concept(one) for one in concept.get("concept", ())]
    return _filled({**_kept(concept, *_CONCEPT), "property": properties, "concept": inner})


def _kept(whole: Json, *names: str) -> Json:
    return {name: _plain(whole[name]) for name in names if name in whole}


def _plain(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return `value` without extensions and comments."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _plain(inner)
        for name, inner in value.items()
        if name not in ("extension", "comment") and not name.startswith("_")
    }


def _filled(facts: Json) -> Json:
    return {name: value for name, value in facts.items() if value not in ([], None)}


def main(package: Path, out: Path) -> None:
    """Write the terminology of `package` into the folder `out`."""
    found = resources(package, ("CodeSystem", "ValueSet", "ConceptMap"))
    tables = {
        "code-systems": code_systems(found["CodeSystem"]),
        "compositions": compositions(found["ValueSet"]),
        "concept-maps": concept_maps(found["ConceptMap"]),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, records in tables.items():
        (out / f"{name}.json").write_text(lines(records), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "terminology/r4"))
