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


def _function(item: Tree) -> Json:
    return item.get("function", {}).get("text")


def _tcm(item: Tree) -> Json:
    return item.get("disease"), item.get("syndrome")


def _codes(item: Tree) -> set[Json]:
    return {one.get("code") for one in item.get("code", {}).get("coding", ())}


def _is_same(one: Tree, other: Tree) -> bool:
    """Tell whether two diagnoses or operations are one: by their codes, or else their names."""
    codes, others = _codes(one), _codes(other)
    if codes and others:
        return not codes.isdisjoint(others)
    return one.get("name") == other.get("name")


KEYS: Mapping[str, Callable[[Tree], Json]] = {
    "identifier": lambda one: (one.get("system"), one.get("value")),
    "extension": lambda one: one["url"],
    "name": lambda one: one.get("text"),
    "telecom": lambda one: (one.get("system"), one.get("use")),
    "address": _address,
    "contact": lambda one: (one.get("name", {}).get("text"), one.get("relationship")),
    "participant": _function,
    "prescription": lambda one: one.get("number"),
    "result": lambda one: one.get("report"),
    "report": lambda one: one.get("number"),
}
"""By what items of a list are matched; all that have the key of a new item make way for it."""

ITEMS: Mapping[str, Callable[[Tree, Tree], bool]] = {
    "diagnosis": lambda one, other: one.get("use") == other.get("use") and _is_same(one, other),
    "tcmDiagnosis": lambda one, other: _tcm(one) == _tcm(other),
    "operation": _is_same,
    "participant": lambda one, other: _function(one) == _function(other),
    "contained": lambda one, other: one.get("id") == other.get("id"),
}
"""By what two items are the same, of which rows of different data sets tell different things."""


def over(old: Tree, new: Tree) -> Tree:
    """Return `old` with what `new` says, list by list; all else in `old` stays."""
    found = dict(old)
    for name, value in new.items():
        key = KEYS.get(name)
        if name == "meta":
            found[name] = {**value, **old.get(name, {})}
        elif key is not None and isinstance(value, list):
            found[name] = _listed(old.get(name, ()), value, key)
        else:
            found[name] = value
    return found


def part(old: Tree, new: Tree, own: Collection[str]) -> Tree:
    """Return the visit `old` with what the part `new` tells beyond it.

    `own` are the elements that such parts alone have: those are told anew. What else is told once
    of a visit is left as it is; a diagnosis or an operation that is known, which a part may have by
    its code alone, gets what it has not. Items of other lists make way for newer ones.
    """
    told = {
        name: value
        for name, value in new.items()
        if name not in old or name in own or (isinstance(value, list) and name in KEYS)
    }
    if "contained" not in old:
        told.pop("contained", None)  # the patient is referred to otherwise
    found = over(old, told)
    for name in ITEMS.keys() - KEYS.keys() - set(own):
        if name in old and name in new:
            found[name] = _completed(name, old[name], new[name])
    return found


def place_of(name: str, item: Tree, items: Iterable[Tree]) -> int | None:
    """Return where the same as `item` stands among `items` of the element `name`, if it does."""
    return next((at for at, one in enumerate(items) if ITEMS[name](one, item)), None)


def _completed(name: str, old: Iterable[Tree], new: Iterable[Tree]) -> list[Tree]:
    """Return `old` with what items of `new` tell beyond theirs, and the others behind them."""
    found = list(old)
    for item in new:
        place = place_of(name, item, found)
        if place is None:
            found.append(item)
        else:
            found[place] = _beside(found[place], item)
    return found


def _beside(old: Tree, new: Tree) -> Tree:
    """Return `old` with what `new` tells beyond it; a name that is but the code makes way."""
    found = {**old, **{name: value for name, value in new.items() if name not in old}}
    for name in found.keys() & new.keys() & KEYS.keys():
        if isinstance(new[name], list):
            found[name] = [*found[name], *unknown(name, new[name], found[name])]
    if "name" in new and "code" in old and old.get("name") in _codes(old):
        found["name"] = new["name"]
    return found


def unknown(name: str, items: Iterable[Tree], known: Iterable[Tree]) -> list[Tree]:
    """Return those `items` of the element `name` whose keys none of those `known` has."""
    keys = {_comparable(KEYS[name](one)) for one in known}
    return [one for one in items if _comparable(KEYS[name](one)) not in keys]


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
