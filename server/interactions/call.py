"""A request and its answer as the interactions see them, free of any HTTP library."""

import re
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Self

import msgspec

from server.fhir.outcome import BadRequest, Issue
from server.store.documents import Version

# Some clients leave the quotes out; a bare number can mean nothing else.
_ETAG = re.compile(r'(?:W/)?"([^"]*)"|([0-9]+)')


@dataclass(frozen=True, slots=True)
class Preference:
    """What the Prefer header asks for: https://hl7.org/fhir/R4/http.html#ops.

    `returns` None leaves it to the interaction: the representation of a single write, of none in
    a bundle. `respond_async` asks not to be waited for: https://hl7.org/fhir/R4/async.html.
    """

    returns: str | None = None
    lenient: bool = False
    respond_async: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `query` keeps order and repetition; header texts are as received.

    `version` is the text in the URL. `owner` is the type of the resource `id` in whose
    compartment resources of `type`, or of all types, are searched. `operation` is the code of an
    operation. `content_type` is the media type of the body, without parameters. `criteria` is the
    text of If-None-Exist.

    `raw_type` is the media type of a `body` that is no resource but the content of a Binary,
    `security_context` the reference that comes with it. `accepts` are the media ranges, the best
    first, of who may be given content instead of FHIR. `provenance` is the text of X-Provenance.
    """

    interaction: str
    method: str = "GET"
    type: str | None = None
    id: str | None = None
    version: str | None = None
    owner: str | None = None
    operation: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = ""
    criteria: str | None = None
    raw_type: str | None = None
    security_context: str | None = None
    accepts: tuple[str, ...] = ()
    provenance: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    preference: Preference = field(default_factory=Preference)

    @property
    def resource_type(self) -> str:
        """Return the resource type, where the URL has one."""
        if self.type is None:
            raise BadRequest.because("type-missing")
        return self.type


class Disclosed(msgspec.Struct, frozen=True, gc=False):
    """One version that an answer tells of, and the patients (``Patient/a``) it is about."""

    type: str
    id: str
    version: int
    patients: tuple[str, ...] = ()

    @classmethod
    def of(cls, version: Version) -> "Disclosed":
        """Return what telling of `version` discloses."""
        return cls(version.type, version.id, version.version, version.patients)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a body, and the versions that it tells of."""

    body: bytes
    disclosed: tuple[Disclosed, ...] = ()


Pieces = Generator[Piece, None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One answer. `version` and `last_updated` (µs since 1970) become ETag and Last-Modified.

    `location` is relative to the base URL. `issues` are said in an
    OperationOutcome when there is no body. `disclosed` are the versions told of, or written.
    `interaction` is what the request turned out to be, where its URL does not tell. `unread` is
    the body of a bundle without what was read, if anything was. `content_type` is that of a `body`
    that is not FHIR. `facts` are further names and values for the trail,
    `concerned` references to what was asked for in vain.

    Of a long answer `body` and `disclosed` are the beginning; the `rest` is made while it is taken.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    version: int | None = None
    last_updated: int | None = None
    location: str | None = None
    issues: tuple[Issue, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    disclosed: tuple[Disclosed, ...] = ()
    interaction: str | None = None
    unread: bytes | None = None
    facts: tuple[tuple[str, str], ...] = ()
    concerned: tuple[str, ...] = ()
    rest: Pieces | None = None

    def whole(self) -> Self:
        """Return this answer with its rest, all of which is made now. Raises FhirError."""
        if self.rest is None:
            return self
        with closing(self.rest) as rest:
            pieces = [Piece(self.body, self.disclosed), *rest]
        body = b"".join(one.body for one in pieces)
        disclosed = tuple(one for piece in pieces for one in piece.disclosed)
        return replace(self, body=body, disclosed=disclosed, rest=None)


def entity_tags(text: str) -> frozenset[str]:
    """Return the versions that an If-Match or If-None-Match header names; ``*`` stands for itself.

    Raises BadRequest if `text` is not a list of entity tags.
    """
    if text.strip() == "*":
        return frozenset("*")
    parts = [_ETAG.fullmatch(part.strip()) for part in text.split(",")]
    if not all(parts):
        raise BadRequest.because("entity-tag-malformed", text=text[:40])
    return frozenset(part[1] or part[2] or "" for part in parts if part)
