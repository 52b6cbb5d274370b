"""Profiles, tags and security labels put into a resource's meta, or taken out, byte by byte.

All other bytes of the resource stay. Profiles are told apart by their URL, tags and labels by
system and code, or if they have neither, by what they display.

Spec: https://hl7.org/fhir/R4/resource-operation-meta-add.html,
https://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import msgspec

LISTS = ("profile", "security", "tag")
_SIBLING = "_profile"
_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_NULL = msgspec.Raw(b"null")
_Lists = dict[str, list[msgspec.Raw]]


def added(body: bytes, meta: bytes) -> bytes:
    """Return the resource `body` with what the Meta `meta` has and it lacks, behind what it has."""
    return _changed(body, meta, _add)


def removed(body: bytes, meta: bytes) -> bytes:
    """Return the resource `body` without what the Meta `meta` has."""
    return _changed(body, meta, _remove)


def key(item: Any) -> Hashable:  # noqa: ANN401  # a URL, a Coding or null
    """Return what tells a profile, a tag or a label from others."""
    if isinstance(item, dict) and not item.keys() & {"system", "code"}:
        return (item.get("display"),)
    return (item.get("system"), item.get("code")) if isinstance(item, dict) else item


def _changed(body: bytes, meta: bytes, change: Callable[[_Lists, str, _Lists], None]) -> bytes:
    resource = _PROPERTIES.decode(body)
    old = _PROPERTIES.decode(resource["meta"]) if "meta" in resource else {}
    lists, given = _lists(old), _lists(_PROPERTIES.decode(meta))
    before = {name: list(items) for name, items in lists.items()}
    for name in LISTS:
        if name in given:
            change(lists, name, given)
    if lists == before:
        return body
    new = {name: value for name, value in old.items() if lists.get(name, True)}
    new |= {name: msgspec.Raw(msgspec.json.encode(items)) for name, items in lists.items() if items}
    return msgspec.json.encode(_with_meta(resource, new))


def _lists(meta: Mapping[str, msgspec.Raw]) -> _Lists:
    found = {name: _ITEMS.decode(meta[name]) for name in (*LISTS, _SIBLING) if name in meta}
    if _SIBLING in found:
        found.setdefault("profile", [_NULL] * len(found[_SIBLING]))
    return found


def _add(lists: _Lists, name: str, given: _Lists) -> None:
    there = lists.setdefault(name, [])
    known = {key(msgspec.json.decode(item)) for item in there}
    for item in given[name]:
        found = key(msgspec.json.decode(item))
        if found is not None and found not in known:
            known.add(found)
            there.append(item)
            if name == "profile" and _SIBLING in lists:
                lists[_SIBLING].append(_NULL)


def _remove(lists: _Lists, name: str, given: _Lists) -> None:
    unwanted = {key(msgspec.json.decode(item)) for item in given[name]} - {None}
    there = lists.get(name, [])
    stays = [key(msgspec.json.decode(item)) not in unwanted for item in there]
    for kept in (name, _SIBLING) if name == "profile" else (name,):
        if kept in lists:
            pairs = zip(lists[kept], stays, strict=True)
            lists[kept] = [item for item, is_kept in pairs if is_kept]
    if _SIBLING in lists and all(bytes(item) == b"null" for item in lists[_SIBLING]):
        lists[_SIBLING] = []


def _with_meta(
    resource: Mapping[str, msgspec.Raw], meta: Mapping[str, msgspec.Raw]
) -> dict[str, msgspec.Raw]:
    raw = msgspec.Raw(msgspec.json.encode(meta))
    if "meta" in resource:
        return {name: raw if name == "meta" else value for name, value in resource.items()}
    place = "id" if "id" in resource else "resourceType"
    made: dict[str, msgspec.Raw] = {}
    for name, value in resource.items():
        made[name] = value
        if name == place:
            made["meta"] = raw
    return made
