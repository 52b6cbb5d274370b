"""Settings as environment variables write them, read all at once.

A setting is a dataclass field whose `Kind` says how its text is read and what
is allowed; the environment is read against all of them by one schema.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from server.fhir.outcome import FhirError, Issue
from server.records import validation_levels as levels

_SIZE = re.compile(r"([0-9]{1,15}) ?(B|kB|MB|GB)?")
_UNIT = {None: 1, "B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3}
_DATABASE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,37}")
_CREDENTIALS = re.compile(r"(?<=://).*@", re.DOTALL)
_LONGEST = 40

Setting = TypeVar("Setting")


class Misconfigured(FhirError):
    """The environment does not say how to run; every fault is one issue."""

    code = "value"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a setting is read: by `shape`, a marshmallow field, or refused with `message`."""

    shape: fields.Field[Any]
    message: str
    arguments: Mapping[str, object] = field(default_factory=dict)


class _Size(fields.Integer):
    """A number of bytes, written ``33554432``, ``32768 kB`` or ``32 MB``."""

    def _deserialize(self, value: str, *_: Any, **__: Any) -> int:
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValidationError("size")
        return int(match[1]) * _UNIT[match[2]]


class _Path(fields.Field[Path]):
    """A file or a folder, which need not exist yet."""

    def _deserialize(self, value: str, *_: Any, **__: Any) -> Path:
        if "\0" in value:
            raise ValidationError("path")
        return Path(value)


def setting(default: Setting, kind: Kind) -> Setting:
    """Return a dataclass field that the environment may set to a value of `kind`."""
    return field(default=default, metadata={"kind": kind})


def whole(low: int, high: int) -> Kind:
    """Return the kind of whole numbers from `low` to `high`."""
    shape = fields.Integer(validate=validate.Range(low, high))
    return Kind(shape, "setting-whole", {"low": low, "high": high})


def seconds(low: float, high: float) -> Kind:
    """Return the kind of times from `low` to `high` seconds."""
    shape = fields.Float(validate=validate.Range(low, high))
    return Kind(shape, "setting-seconds", {"low": low, "high": high})


def size(low: int, high: int) -> Kind:
    """Return the kind of sizes from `low` to `high` bytes."""
    shape = _Size(validate=validate.Range(low, high))
    return Kind(shape, "setting-size", {"low": low, "high": high})


def choice(*words: str) -> Kind:
    """Return the kind that is one of `words`."""
    shape = fields.String(validate=validate.OneOf(words))
    return Kind(shape, "setting-choice", {"words": ", ".join(words)})


def plugged_in() -> Kind:
    """Return the kind of names that something plugged in may have."""
    name = re.compile(r"[a-z][a-z0-9_-]{0,39}")
    return Kind(fields.String(validate=_where(name.fullmatch)), "setting-name")


def switch() -> Kind:
    """Return the kind that is on or off."""
    return Kind(
        fields.Boolean(truthy={"on", "true", "1"}, falsy={"off", "false", "0"}), "setting-switch"
    )


def database_name() -> Kind:
    """Return the kind of names that MongoDB takes for a database."""
    return Kind(fields.String(validate=_where(_DATABASE.fullmatch)), "setting-database")


def host_name() -> Kind:
    """Return the kind of names or addresses to listen on."""
    return Kind(fields.String(validate=_where(re.compile(r"[\w.:-]+").fullmatch)), "setting-host")


def host_list() -> Kind:
    """Return the kind of lists of addresses and networks, or ``*``."""

    def is_list(value: str) -> bool:
        return value == "*" or all(
            ip_network(one.strip(), strict=False) for one in value.split(",")
        )

    return Kind(fields.String(validate=_where(is_list)), "setting-host-list")


def time_zone() -> Kind:
    """Return the kind of IANA time zones."""
    return Kind(fields.String(validate=_where(ZoneInfo)), "setting-zone")


def folder() -> Kind:
    """Return the kind of folders."""
    return Kind(_Path(), "setting-folder")


def file() -> Kind:
    """Return the kind of files."""
    return Kind(_Path(), "setting-file")


def url(*schemes: str) -> Kind:
    """Return the kind of URLs that begin with one of `schemes`, such as ``https``."""

    def is_url(value: str) -> bool:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname or parts.netloc)

    allowed = ", ".join(f"{scheme}://" for scheme in schemes)
    return Kind(fields.String(validate=_where(is_url)), "setting-url", {"schemes": allowed})


def validation_levels() -> Kind:
    """Return what a write has to conform to: see `server.records.validation_levels`."""
    return Kind(fields.String(validate=_where(levels.read)), "setting-validation")


def masked(value: object) -> str:
    """Return `value` as it may be shown: without a URL's user and password."""
    return _CREDENTIALS.sub("***@", str(value))


def read(shape: type[Any], prefix: str, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the values that variables ``{prefix}{FIELD}`` give to fields of dataclass `shape`.

    A variable that is empty counts as unset.
    Raises Misconfigured with one issue for each variable that is wrong or unknown.
    """
    kinds: dict[str, Kind] = {
        prefix + item.name.upper(): item.metadata["kind"]
        for item in dataclasses.fields(shape)
        if "kind" in item.metadata
    }
    given = {key: value for key, value in environ.items() if key.startswith(prefix) and value}
    schema = Schema.from_dict({key: kind.shape for key, kind in kinds.items()})(unknown=EXCLUDE)
    issues = [*_unknown(given, kinds)]
    values: dict[str, Any] = {}
    try:
        values = cast("dict[str, Any]", schema.load(given))
    except ValidationError as error:
        issues += _wrong(cast("dict[str, Any]", error.messages), given, kinds)
    if issues:
        raise Misconfigured(*issues)
    return {key.removeprefix(prefix).lower(): value for key, value in values.items()}


def _where(holds: Callable[[str], object]) -> Callable[[str], None]:
    """Return a marshmallow validator for values that `holds` finds true without an error."""

    def check(value: str) -> None:
        try:
            accepted = holds(value)
        except (ValueError, OSError, KeyError) as error:
            raise ValidationError("value") from error
        if not accepted:
            raise ValidationError("value")

    return check


def _unknown(given: Mapping[str, str], kinds: Mapping[str, Kind]) -> Iterator[Issue]:
    for key in sorted(given.keys() - kinds.keys()):
        nearest = difflib.get_close_matches(key, kinds, n=1, cutoff=0)
        yield Issue("value", "setting-unknown", {"name": key, "nearest": nearest[0]})


def _wrong(
    messages: Mapping[str, Any], given: Mapping[str, str], kinds: Mapping[str, Kind]
) -> Iterator[Issue]:
    for key in messages:
        kind, value = kinds[key], masked(given[key])[:_LONGEST]
        yield Issue("value", kind.message, {"name": key, "value": value, **kind.arguments})
