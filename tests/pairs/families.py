"""The pairs of every family, of the good instances of our profiles that lie in files.

All of it follows from the files: no chance, no clock.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from server import content
from server.services import Interpreters
from server.settings import Settings
from tests.pairs import breaking, changes, derived
from tests.pairs.numbers import identity, numbered
from tests.pairs.ways import Snapshot

CANONICAL = "https://tongkang.example/fhir/StructureDefinition/"
DEFINITIONS = content.PROFILES / "StructureDefinition"
FOLDER = Path(__file__).parents[1] / "profiles"
FAMILIES = {
    "cardinality": changes.cardinality,
    "types": changes.types,
    "values": changes.values,
    "slicing": changes.slicing,
    "bindings": changes.bindings,
    "invariants": breaking.invariants,
    "extensions": breaking.extensions,
    "references": changes.references,
    "contained": breaking.contained,
}
"""Changes by what our own profiles say."""
DERIVED = {
    "values": derived.values,
    "slicing": derived.slicing,
    "references": derived.references,
}
"""Changes by small profiles that are made of the resource."""
_NUMBERED = 12


@dataclass(frozen=True)
class Pair:
    """A resource, `good`, which is called `seed`, and one change of it, judged by `profile`.

    `profile` is the id of one of ours, or the definition of a derived one; `where` is FHIRPath of
    what was changed; `is_good` tells whether the change leaves the resource good.
    """

    seed: str
    what: str
    profile: object
    good: dict
    resource: dict
    where: str
    is_good: bool


@cache
def interpreters():
    """Return what reads the facts of the project."""
    return Interpreters.of(Settings())


@cache
def snapshots():
    """Return the snapshots of the profiles that come with the server, by id."""
    made = interpreters().validator.guide.snapshots
    read = (json.loads(file.read_text("utf-8")) for file in sorted(DEFINITIONS.glob("*.json")))
    return {
        one["id"]: Snapshot(one, made.snapshot(one)) for one in read if one["kind"] == "resource"
    }


def seeds():
    """Yield the good instances that lie in files: name, id of the profile, resource."""
    for file in sorted(FOLDER.glob("*/good-*.json")):
        name = f"{file.parent.name}/{file.stem}"
        yield name, file.parent.name, json.loads(file.read_text("utf-8"))
    for file in sorted((content.PROFILES / "examples").glob("*.json")):
        yield f"{file.stem}/example", file.stem, json.loads(file.read_text("utf-8"))


def pairs(family):
    """Yield the pairs of `family`, each text once; what a change comes to is certain of each."""
    seen = set()
    for name, profile, good in _good(family):
        change = identity if family == "identity" else FAMILIES[family]
        for what, where, resource, is_good in change(snapshots()[profile], good):
            if is_good is not None and _is_new(seen, profile, resource):
                yield Pair(name, what, profile, good, resource, where, is_good)
        for what, where, definition, resource in DERIVED.get(family, _none)(
            snapshots()[profile], good
        ):
            if _is_new(seen, definition, resource):
                yield Pair(name, what, definition, good, resource, where, is_good=False)


def _good(family):
    if family != "identity":
        yield from seeds()
        return
    for name, profile, resource in seeds():
        if name in ("cn-patient/good-1", "cn-practitioner/good-1", "cn-related-person/good-1"):
            for step in range(_NUMBERED):
                yield f"{name} {step}", profile, numbered(resource, step)


def _none(_snapshot, _resource):
    return ()


def _is_new(seen, profile, resource):
    key = json.dumps([profile, resource], sort_keys=True)
    is_new = key not in seen
    seen.add(key)
    return is_new
