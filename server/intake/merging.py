"""What a row says, put over what is known already: of a resident, or of a visit.

A row of one data set says nothing of what only others have, so that stays. What is listed, such as
identifiers and prescriptions, is matched item by item.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from server.fhir import json

Json = Any
Tree = dict[str, Json]
_TYPE_OF_ADDRESS = "cn-address-type"


def _address(item: Tree) -> Json:
    kinds = (one for one in item.get("extension", ()) if one["url"].endswith(_TYPE_OF_ADDRESS))
    return next((one["valueCoding"].get("code") for one in kinds), item.get("use"))


def _coded(item: Tree) -> Json:
    use = [one.get("code") for one in item.get("use", {}).get("coding", ())]
    codes = [one.get("code") for one in item.get("code", {}).get("coding", ())]
    return use, codes or item.get("name")


_KEYS: Mapping[str, Callable[[Tree], Json]] = {
    "identifier": lambda one: (one.get("system"), one.get("value")),
    "extension": lambda one: one["url"],
    "name": lambda one: one.get("text"),
    "telecom": lambda one: (one.get("system"), one.get("use")),
    "address": _address,
    "contact": lambda one: (one.get("name", {}).get("text"), one.get("relationship")),
    "participant": lambda one: one.get("function", {}).get("text"),
    "diagnosis": _coded,
    "tcmDiagnosis": lambda one: (one.get("disease"), one.get("syndrome")),
    "prescription": lambda one: one.get("number"),
    "result": lambda one: one.get("report"),
    "report": lambda one: one.get("number"),
}
"""By what items of a list are matched; all that have the key of a new item make way for it."""

_DIAGNOSES = frozenset(("diagnosis", "tcmDiagnosis"))


def over(old: Tree, new: Tree) -> Tree:
    """Return `old` with what `new` says, list by list; all else in `old` stays."""
    found = dict(old)
    for name, value in new.items():
        key = _KEYS.get(name)
        if name == "meta":
            found[name] = {**value, **old.get(name, {})}
        elif key is not None and isinstance(value, list):
            found[name] = _listed(old.get(name, ()), value, key)
        else:
            found[name] = value
    return found


def whole(old: Tree, new: Tree, own: Collection[str]) -> Tree:
    """Return `new` in the place of `old`, with those elements that a row cannot have.

    `own` are the elements that rows of its data set can have.
    """
    kept = {name: value for name, value in old.items() if name not in own or name in new}
    return {**kept, **new}


def part(old: Tree, new: Tree, own: Collection[str]) -> Tree:
    """Return the visit `old` with what the part `new` tells beyond it.

    `own` are the elements that such parts alone have: those are told anew. What else is told once
    of a visit is left as it is, and so is a diagnosis that is known, which a prescription or a
    report may have by its code alone; items of other lists make way for newer ones.
    """
    told = {
        name: value
        for name, value in new.items()
        if name not in old or name in own or (isinstance(value, list) and name in _KEYS)
    }
    for name in _DIAGNOSES & (told.keys() - set(own)):
        key = _KEYS[name]
        known = {_comparable(key(one)) for one in old.get(name, ())}
        told[name] = [one for one in told[name] if _comparable(key(one)) not in known]
    return over(old, told)


def _listed(old: Iterable[Tree], new: Iterable[Tree], key: Callable[[Tree], Json]) -> list[Tree]:
    """Return `old` with `new`: each where an item with its key was, else behind them."""
    left: dict[bytes, list[Tree]] = {}
    for item in new:
        left.setdefault(_comparable(key(item)), []).append(item)
    found: list[Tree] = []
    seen: set[bytes] = set()
    for item in old:
        name = _comparable(key(item))
        if name in left and name not in seen:
            seen.add(name)
            found += left[name]
        elif name not in left:
            found.append(item)
    return found + [item for name, items in left.items() if name not in seen for item in items]


def _comparable(key: Json) -> bytes:
    return json.dumps(key)
