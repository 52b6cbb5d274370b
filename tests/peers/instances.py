"""Resources that break, or do not break, one rule each: made of the good instances of our profiles.

Each is a good instance of ``tests/profiles`` with one change. What a validator should say of it is
not said here: two validators are compared.
"""

import copy
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "profiles"
BASE = "https://tongkang.example/fhir/StructureDefinition/"
MOST_OF_A_FAMILY = 3
_KEPT = ("resourceType", "id", "meta", "text")
_STRANGE = {"url": "https://example.org/strange", "valueString": "x"}

Json = dict[str, Any]
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Instance:
    """One resource; `name` tells of what it was made and how, `family` which rules are tried."""

    name: str
    family: str
    profile: str
    resource: Json


def instances() -> list[Instance]:
    """Return all of them: of each good instance, a few changes of each family."""
    found: list[Instance] = []
    for file in sorted(FOLDER.glob("*/good-*.json")):
        content = json.loads(file.read_text("utf-8"))
        good = content.get("resource", content)
        name, profile = f"{file.parent.name}/{file.stem}", BASE + file.parent.name
        found.append(Instance(name, "good", profile, good))
        by_family: dict[str, list[Instance]] = {}
        for family, how, changed in _changes(good):
            made = Instance(f"{name} {how}", family, profile, changed)
            by_family.setdefault(family, []).append(made)
        for several in by_family.values():
            found += sorted(several, key=_lot)[:MOST_OF_A_FAMILY]
    return found


def _lot(instance: Instance) -> str:
    return hashlib.sha256(instance.name.encode()).hexdigest()


def _changes(good: Json) -> Iterator[tuple[str, str, Json]]:
    for path, value in _places(good):
        where = ".".join(map(str, path))
        yield "cardinality", f"- {where}", _without(good, path)
        if isinstance(path[-1], int):
            yield "cardinality", f"+ {where}", _twice(good, path)
        match value:
            case {"system": str(), "code": str()}:
                yield "binding", f"{where}.code", _with(good, (*path, "code"), "ZZZ")
                elsewhere = "https://example.org/codes"
                yield "binding", f"{where}.system", _with(good, (*path, "system"), elsewhere)
            case {"reference": str()}:
                other = {**value, "reference": "Binary/x"}
                yield "reference", where, _with(good, path, other)
            case {"coding": list()}:
                yield "slicing", where, _with(good, (*path, "coding"), value["coding"][::-1])
                yield "binding", f"{where} text", _with(good, path, {"text": "x"})
            case {"url": str(url)} if "extension" in path:
                yield "extension", f"{where} moved", _moved(good, path)
                bare = _with(good, path, {"url": url})
                yield "extension", f"{where} empty", bare
                other = {"url": url, "valueBoolean": True}
                yield "extension", f"{where} value", _with(good, path, other)
            case {"value": float() | int(), "code": str()}:
                yield "fixed", f"{where}.code", _with(good, (*path, "code"), "[lb_av]")
                yield (
                    "fixed",
                    f"{where}.system",
                    _with(good, (*path, "system"), "https://a.example"),
                )
    yield from _of_all(good)


def _of_all(good: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield changes that are possible anywhere."""
    strange = [*good.get("extension", ()), _STRANGE]
    yield "extension", "strange", {**good, "extension": strange}
    yield "extension", "strange modifier", {**good, "modifierExtension": [_STRANGE]}
    both = {"url": "https://example.org/both", "valueString": "x", "extension": [_STRANGE]}
    yield "invariant", "ext-1", {**good, "extension": [both]}
    inner = {"resourceType": "Patient", "id": "inner", "contained": [{"resourceType": "Patient"}]}
    yield "invariant", "dom-2", {**good, "contained": [inner]}
    for name, value in good.items():
        if isinstance(value, dict) and {"start"} <= value.keys():
            late = {**value, "start": "2030-01-01", "end": "2020-01-01"}
            yield "invariant", f"per-1 {name}", {**good, name: late}
        if name.startswith("value"):
            swapped = {key: one for key, one in good.items() if key != name}
            yield "type", f"{name} as text", {**swapped, "valueString": "x"}
            yield "type", f"{name} as time", {**swapped, "valueTime": "10:00:00"}


def _places(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if path or key not in _KEPT:
            yield (*path, key), inner
            if isinstance(inner, dict | list):
                yield from _places(inner, (*path, key))


def _at(made: Json, path: Path_) -> Any:
    found: Any = made
    for key in path:
        found = found[key]
    return found


def _with(good: Json, path: Path_, value: Any) -> Json:
    made = copy.deepcopy(good)
    _at(made, path[:-1])[path[-1]] = copy.deepcopy(value)
    return made


def _without(good: Json, path: Path_) -> Json:
    """Return `good` without what is at `path`, and without what has become empty by that."""
    made = copy.deepcopy(good)
    while path:
        del _at(made, path[:-1])[path[-1]]
        path = path[:-1]
        if not path or _at(made, path):
            break
    return made


def _twice(good: Json, path: Path_) -> Json:
    made = copy.deepcopy(good)
    _at(made, path[:-1]).append(copy.deepcopy(_at(good, path)))
    return made


def _moved(good: Json, path: Path_) -> Json:
    """Return `good` with an extension at another place: in a Coding, or an Identifier."""
    made = _without(good, path)
    made["identifier"] = [
        *made.get("identifier", ()),
        {"system": "https://example.org/id", "value": "1", "extension": [_at(good, path)]},
    ]
    return made
