"""The name of rights: equal only for equal rights, in every process."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from server.access.policy import Rights


def name(rights: "Rights") -> str:
    """Return the name of `rights`; whose they are is no part of it, but what kind of caller is."""
    decisive = (one.name for one in dataclasses.fields(rights) if one.name != "caller")
    told = [rights.caller.kind, rights.role, *(getattr(rights, one) for one in decisive)]
    return sha256(orjson.dumps(_plain(told))).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of Rights
    """Return `value` as JSON that is the same for equal values: a set has no order of its own."""
    if dataclasses.is_dataclass(value):
        return [_plain(getattr(value, one.name)) for one in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return sorted([key, _plain(one)] for key, one in value.items())
    if isinstance(value, AbstractSet):
        return sorted(value)
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
