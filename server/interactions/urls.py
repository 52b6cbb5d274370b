"""From a method and a URL below the base to what they mean; requests and bundles alike come here.

Spec: https://hl7.org/fhir/R4/http.html#summary
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from server.fhir.outcome import BadRequest, MethodNotAllowed, NotFound
from server.fhir.reference import is_id
from server.interactions.routes import ID, MEMBER, OPERATION, OWNER, ROUTES, TYPE, VERSION, Route

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_PARAMETERS = 1000
_ALL = "*"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a method and a path mean: the `route`, and what stands in the path for its variables."""

    route: Route
    named: Mapping[str, str]

    @property
    def type(self) -> str | None:
        """The resource type that it is about, None for all of them."""
        found = self.named.get(TYPE) or self.named.get(MEMBER)
        return None if found == _ALL else found

    @property
    def id(self) -> str | None:
        """The id of one resource."""
        return self.named.get(ID)

    @property
    def version(self) -> str | None:
        """The text of a version, as it stands there."""
        return self.named.get(VERSION)

    @property
    def owner(self) -> str | None:
        """The type of the resource whose compartment is searched."""
        return self.named.get(OWNER)

    @property
    def operation(self) -> str | None:
        """The code of an operation, without its ``$``."""
        found = self.named.get(OPERATION)
        return None if found is None else found[1:]


@lru_cache(maxsize=1024)
def meaning(method: str, path: str, types: frozenset[str]) -> Meaning:
    """Return what `method` on `path`, which is relative to the base, means.

    Raises NotFound for a path that means nothing, MethodNotAllowed, BadRequest for an id that
    cannot be one.
    """
    segments = _segments(path)
    wanted = "GET" if method == "HEAD" else method
    for route in ROUTES:
        if route.method == wanted and _fits(route.shape, segments, types):
            _check(route, segments)
            return Meaning(route, dict(zip(route.shape, segments, strict=True)))
    raise not_allowed(method, methods(path, types))


def not_allowed(method: str, allowed: Sequence[str]) -> MethodNotAllowed:
    """Return the refusal of `method` on what answers to the methods `allowed`."""
    listed = ", ".join(allowed)
    refusal = MethodNotAllowed.because("method-not-allowed", method=method[:20], allowed=listed)
    refusal.headers["Allow"] = listed
    return refusal


def methods(path: str, types: Collection[str]) -> list[str]:
    """Return the methods that `path` answers to. Raises NotFound if it means nothing."""
    segments = _segments(path)
    found = [route.method for route in ROUTES if _fits(route.shape, segments, types)]
    if not found and segments and segments[0][:1].isupper() and segments[0] not in types:
        raise NotFound.because("type-unknown", type=segments[0][:40])
    if not found:
        raise NotFound.because("url-unknown")
    heads = ["HEAD"] if "GET" in found else []
    return [*dict.fromkeys(found), *heads, "OPTIONS"]


def parameters(text: str) -> tuple[tuple[str, str], ...]:
    """Return the parameters of the query `text`, percent-encoded, in order.

    Raises BadRequest if it is malformed.
    """
    if not text:
        return ()
    if _BROKEN_ESCAPE.search(text):
        raise BadRequest.because("query-malformed")
    try:
        return tuple(
            parse_qsl(
                text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
            )
        )
    except ValueError:
        raise BadRequest.because("query-malformed") from None


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")) if path else ()


def _fits(shape: tuple[str, ...], segments: tuple[str, ...], types: Collection[str]) -> bool:
    return len(shape) == len(segments) and all(
        _means(part, segment, types) for part, segment in zip(shape, segments, strict=True)
    )


def _means(part: str, segment: str, types: Collection[str]) -> bool:
    if part in (TYPE, OWNER):
        return segment in types
    if part == MEMBER:
        return segment in types or segment == _ALL
    if part == OPERATION:
        return len(segment) > 1 and segment[0] == "$"
    # No id begins like the names that FHIR keeps for itself, such as _search and $everything.
    return part == segment or (part.startswith("{") and segment[:1] not in ("", "_", "$"))


def _check(route: Route, segments: tuple[str, ...]) -> None:
    for part, segment in zip(route.shape, segments, strict=True):
        if part == ID and not is_id(segment):
            raise BadRequest.because("id-malformed", id=segment[:70])
