"""The entries of a batch or transaction, each read as a request of its own.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, FhirError, Issue, TooLarge, Unprocessable
from server.interactions import patch, urls
from server.interactions.call import Call
from server.interactions.criteria import Criteria
from server.interactions.routes import ABOUT_JOBS

_PLACES = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
"""In which order the methods are processed."""
_WITH_RESOURCE = frozenset({"create", "update", "patch"})
BUNDLES = ("batch", "transaction")
_CONDITIONS = {
    "ifNoneExist": frozenset({"create"}),
    "ifMatch": frozenset({"update", "patch", "delete", "operation"}),
}
"""What else an entry may say that it depends on, and the interactions that ask for it."""
ALONE = -1
"""The place of a request that comes in no Bundle: nothing else is what its links could mean."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its `place` in the Bundle and the `call` that it makes.

    `method` is the one that stands there. `full_url` is the identity that others in the Bundle
    refer to it by, `resource` what was read from the body of the call. `same` is what finds the
    resource that it is about by what it says itself, of a type whose instances are told apart so;
    `claims` are further names under which writers of the same exclude each other.
    """

    place: int
    method: str
    call: Call
    full_url: str | None
    resource: json.Resource
    same: Criteria | None = None
    claims: frozenset[str] = frozenset()

    @property
    def order(self) -> tuple[int, int]:
        """What entries are processed by: their method, then their place."""
        return _PLACES.index(self.method), self.place

    @property
    def given_id(self) -> str | None:
        """The id that the resource itself says."""
        id = self.resource.get("id")
        return id if isinstance(id, str) else None

    @property
    def about(self) -> str | None:
        """The reference to the resource that it names, None if it names none."""
        type = self.call.owner or self.call.type
        return f"{type}/{self.call.id}" if type and self.call.id else None

    @property
    def is_told_apart(self) -> bool:
        """Tell whether nothing but what the resource says tells which one it is about."""
        call = self.call
        is_named = call.id is not None or bool(call.query) or call.criteria is not None
        return self.same is not None and not is_named

    @property
    def letter(self) -> str:
        """The right that is needed to make something new."""
        return "c" if self.is_told_apart else "u"

    @property
    def is_read(self) -> bool:
        """Tell whether it asks for something without changing anything."""
        return self.call.interaction not in ("create", "update", "patch", "delete")


class _RawEntry(msgspec.Struct):
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _RawBundle(msgspec.Struct):
    entry: list[_RawEntry] = []


_RAW = msgspec.json.Decoder(_RawBundle)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A Bundle of requests; `faulty` are the refusals of entries that are none, by their place."""

    type: str
    entries: tuple[Entry, ...]
    faulty: Mapping[int, FhirError]

    @property
    def asked(self) -> Mapping[int, str]:
        """References to what single entries name, by their place."""
        return {one.place: one.about for one in self.entries if one.about is not None}


def read(context: Context, call: Call) -> Bundle:
    """Return the batch or transaction in the body of `call`.

    Raises BadRequest if it is not JSON, Unprocessable if it is no such Bundle or its own structure
    is at fault (that of the resources in it is not looked at), TooLarge if it has too many entries.
    """
    settings = context.interpreters.settings
    bundle, body = json.parse(call.body, settings.max_depth)
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in BUNDLES:
        expression = "Bundle.type" if bundle.get("resourceType") == "Bundle" else "resourceType"
        raise Unprocessable.because("bundle-type-unfit", expression)
    rows = bundle.get("entry", [])
    most = settings.max_job_entries if context.work.is_kept else settings.max_entries
    if isinstance(rows, list) and len(rows) > most:
        raise TooLarge.because("bundle-too-large", "Bundle.entry", count=len(rows), limit=most)
    _check_shell(context, bundle)
    bodies = _RAW.decode(body).entry
    entries, faulty = [], dict[int, FhirError]()
    for place, (row, raw) in enumerate(zip(rows, bodies, strict=True)):
        content = b"" if raw.resource is msgspec.UNSET else bytes(raw.resource)
        try:
            with placed(place):
                entries.append(_entry(context, call, place, row, content))
        except FhirError as error:
            faulty[place] = error
    return Bundle(bundle["type"], tuple(entries), faulty)


@contextmanager
def placed(place: int) -> Iterator[None]:
    """Have refusals within the block say that they are about the entry at `place`."""
    try:
        yield
    except FhirError as error:
        if place == ALONE:
            raise
        issues = (replace(one, expression=_expression(one, place)) for one in error.issues)
        raise type(error)(*issues, headers=error.headers) from error.__cause__


def linked(entries: Iterable[Entry], type: str) -> dict[str, Entry]:
    """Return those of `entries` of a `type` that others may refer to, by their fullUrl."""
    return {
        one.full_url: one for one in entries if one.call.type == type and one.full_url is not None
    }


def about(place: int, issues: Iterable[Issue]) -> list[Issue]:
    """Return which of `issues` are about the entry at `place`."""
    here = f"Bundle.entry[{place}]"
    return [one for one in issues if f"{one.expression}.".startswith(f"{here}.")]


def _expression(issue: Issue, place: int) -> str:
    here = f"Bundle.entry[{place}]"
    if issue.expression is None or issue.expression.startswith(here):
        return issue.expression or here
    type, dot, rest = issue.expression.partition(".")
    # Some are of the resource as a whole and name its type, some only an element.
    inner = rest if type[:1].isupper() else type + dot + rest
    return f"{here}.resource.{inner}" if inner else f"{here}.resource"


def _check_shell(context: Context, bundle: json.Resource) -> None:
    rows = bundle.get("entry")
    shell = bundle
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        bare = [{key: row[key] for key in row if key != "resource"} for row in rows]
        shell = {**bundle, "entry": [row or {"fullUrl": "urn:a:b"} for row in bare]}
        for place, row in enumerate(rows):
            if "resource" in row and not isinstance(row["resource"], dict):
                raise Unprocessable.because("json-not-an-object", f"Bundle.entry[{place}].resource")
    faults = context.interpreters.structure.faults(shell)
    if faults:
        raise Unprocessable(*faults)


def _entry(
    context: Context, call: Call, place: int, row: Mapping[str, Any], content: bytes
) -> Entry:
    request = row.get("request")
    if request is None:
        raise BadRequest.because("entry-without-request")
    method, url = request["method"], _relative(context, request["url"])
    path, _, query = url.partition("?")
    meaning = urls.meaning(method, unquote(path, errors="replace"), context.interpreters.types)
    interaction = meaning.route.interaction
    _check(interaction, content)
    _check_conditions(interaction, request, place)
    is_patch = interaction == "patch"
    kind, content = patch.packed(row["resource"], content) if is_patch else ("", content)
    returns = call.preference.returns or "minimal"
    return Entry(
        place,
        method,
        Call(
            interaction=interaction,
            method=meaning.route.method,
            type=meaning.type,
            id=meaning.id,
            version=meaning.version,
            owner=meaning.owner,
            operation=meaning.operation,
            query=urls.parameters(query),
            body=content if interaction in (*_WITH_RESOURCE, "operation") else b"",
            content_type=kind,
            criteria=request.get("ifNoneExist"),
            if_match=request.get("ifMatch"),
            if_none_match=request.get("ifNoneMatch"),
            if_modified_since=_http_date(request.get("ifModifiedSince")),
            preference=replace(call.preference, returns=returns),
        ),
        row.get("fullUrl"),
        row.get("resource", {}),
    )


def _check(interaction: str, content: bytes) -> None:
    """Raise BadRequest if no entry can be of this `interaction`, or this one has no `content`."""
    if interaction == "batch":
        raise BadRequest.because("entry-nested")
    if interaction in ABOUT_JOBS:
        raise BadRequest.because("entry-about-job")
    if interaction in _WITH_RESOURCE and not content:
        raise BadRequest.because("entry-without-resource")


def _check_conditions(interaction: str, request: Mapping[str, Any], place: int) -> None:
    """Raise BadRequest if `request` depends on what its `interaction` would not ask for."""
    for name, interactions in _CONDITIONS.items():
        if name in request and interaction not in interactions:
            where = f"Bundle.entry[{place}].request.{name}"
            raise BadRequest.because(
                "entry-condition-unfit", where, name=name, method=request["method"]
            )


def _relative(context: Context, url: str) -> str:
    """Return `url` relative to the base; clients also write it whole, or with a leading slash."""
    base = context.interpreters.settings.base_url
    return url.removeprefix(base).removeprefix("/")


def _http_date(instant: str | None) -> str | None:
    try:
        return None if instant is None else format_datetime(datetime.fromisoformat(instant))
    except ValueError:
        return None  # a leap second; as with a date that is wrong, the condition is passed over
