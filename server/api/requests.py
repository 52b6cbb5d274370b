"""From a WSGI request to a Call: which interaction is it, on what, under which conditions.

Spec: https://hl7.org/fhir/R4/http.html
"""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from server.api import body, negotiation
from server.fhir.outcome import BadRequest, MethodNotAllowed, NotFound, UnsupportedMediaType
from server.fhir.reference import is_id
from server.interactions.call import Call
from server.interactions.routes import ID, MEMBER, OWNER, ROUTES, TYPE, VERSION, Route
from server.settings import Settings

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORM = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 1000
_ALL = "*"
_BODIES = ("create", "update")


def call(environ: Mapping[str, Any], path: str, types: Collection[str], settings: Settings) -> Call:
    """Return the call that `environ` makes to `path`, which is relative to the base.

    Raises NotFound for a URL that means nothing, MethodNotAllowed, BadRequest,
    UnsupportedMediaType, TooLarge.
    """
    segments = tuple(path.split("/")) if path else ()
    route = _route(environ["REQUEST_METHOD"], segments, types)
    named = dict(zip(route.shape, segments, strict=True))
    query = _query(environ.get("QUERY_STRING", ""))
    content = b""
    if route.interaction in _BODIES:
        negotiation.check_content_type(environ.get("CONTENT_TYPE"))
        content = body.read(environ, settings.max_body)
    elif route.method == "POST":
        query += _form(environ, settings)
    return Call(
        interaction=route.interaction,
        type=_type(named),
        id=named.get(ID),
        version=named.get(VERSION),
        owner=named.get(OWNER),
        query=query,
        body=content,
        criteria=_criteria(environ.get("HTTP_IF_NONE_EXIST")),
        if_match=environ.get("HTTP_IF_MATCH"),
        if_none_match=environ.get("HTTP_IF_NONE_MATCH"),
        if_modified_since=environ.get("HTTP_IF_MODIFIED_SINCE"),
        preference=negotiation.preference(environ.get("HTTP_PREFER")),
    )


def methods(path: str, types: Collection[str]) -> list[str]:
    """Return the methods that `path` answers to. Raises NotFound if it means nothing."""
    segments = tuple(path.split("/")) if path else ()
    found = [route.method for route in ROUTES if _fits(route.shape, segments, types)]
    if not found and segments and segments[0][:1].isupper() and segments[0] not in types:
        raise NotFound.because("type-unknown", type=segments[0][:40])
    if not found:
        raise NotFound.because("url-unknown")
    heads = ["HEAD"] if "GET" in found else []
    return [*dict.fromkeys(found), *heads, "OPTIONS"]


def _route(method: str, segments: tuple[str, ...], types: Collection[str]) -> Route:
    wanted = "GET" if method == "HEAD" else method
    for route in ROUTES:
        if route.method == wanted and _fits(route.shape, segments, types):
            _check(route, segments)
            return route
    path = "/".join(segments)
    allowed = ", ".join(methods(path, types))
    refusal = MethodNotAllowed.because("method-not-allowed", method=method[:20], allowed=allowed)
    refusal.headers["Allow"] = allowed
    raise refusal


def _fits(shape: tuple[str, ...], segments: tuple[str, ...], types: Collection[str]) -> bool:
    return len(shape) == len(segments) and all(
        _means(part, segment, types) for part, segment in zip(shape, segments, strict=True)
    )


def _means(part: str, segment: str, types: Collection[str]) -> bool:
    if part in (TYPE, OWNER):
        return segment in types
    if part == MEMBER:
        return segment in types or segment == _ALL
    # No id begins like the names that FHIR keeps for itself, such as _search and $everything.
    return part == segment or (part.startswith("{") and segment[:1] not in ("", "_", "$"))


def _type(named: Mapping[str, str]) -> str | None:
    """Return the resource type that a URL is about, None for all of them."""
    found = named.get(TYPE) or named.get(MEMBER)
    return None if found == _ALL else found


def _check(route: Route, segments: tuple[str, ...]) -> None:
    for part, segment in zip(route.shape, segments, strict=True):
        if part == ID and not is_id(segment):
            raise BadRequest.because("id-malformed", id=segment[:70])


def _criteria(header: str | None) -> str | None:
    """Return `header`, whose bytes WSGI gives as Latin-1, as the UTF-8 that clients send.

    Read as anything else, a Han name would be found nowhere, and its owner stored again.
    """
    try:
        return None if header is None else header.encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest.because("criteria-malformed") from None


def _query(text: str) -> tuple[tuple[str, str], ...]:
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


def _form(environ: Mapping[str, Any], settings: Settings) -> tuple[tuple[str, str], ...]:
    content = body.read(environ, settings.max_body)
    if not content:
        return ()
    if (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower() != _FORM:
        given = (environ.get("CONTENT_TYPE") or "-")[:60]
        raise UnsupportedMediaType.because("form-expected", type=given)
    try:
        # As browsers and curl read and write forms: what is beyond ASCII may stand as it is.
        return _query(content.decode())
    except UnicodeDecodeError:
        raise BadRequest.because("query-malformed") from None
