"""From a WSGI request to a Call: which interaction is it, on what, under which conditions.

Spec: https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Mapping
from typing import Any

from server.api import body, content, negotiation
from server.api.content import Sent
from server.fhir.formats import MEDIA_TYPES
from server.fhir.outcome import BadRequest, UnsupportedMediaType
from server.interactions import urls
from server.interactions.call import Call
from server.interactions.routes import JOB_REJECTS, Route
from server.interactions.urls import Meaning
from server.mappings.cda.documents import MEDIA_TYPE as CDA
from server.mappings.cda.documents import OF
from server.settings import Settings

_FORM = "application/x-www-form-urlencoded"
_BODIES = ("create", "update", "batch")
_FILES = ("to-dataset",)
"""Operations whose answer is to be had as a file."""
_OF_FILES = ("import",)
"""Operations on a file that is the body, also if it does not say of which type it is."""
_ALONE = ("read", "vread", "create", "update", "patch")


def call(environ: Mapping[str, Any], path: str, types: frozenset[str], settings: Settings) -> Call:
    """Return the call that `environ` makes to `path`, which is relative to the base.

    Raises NotFound for a URL that means nothing, MethodNotAllowed, BadRequest,
    UnsupportedMediaType, TooLarge.
    """
    meaning = urls.meaning(environ["REQUEST_METHOD"], path, types)
    query = urls.parameters(environ.get("QUERY_STRING", ""))
    sent = _sent(meaning, environ, settings)
    if sent is None and meaning.route.method == "POST":
        query += _form(environ, settings)
    sent = sent or Sent(b"")
    return Call(
        interaction=meaning.route.interaction,
        method=meaning.route.method,
        type=meaning.type,
        id=meaning.id,
        version=meaning.version,
        owner=meaning.owner,
        operation=meaning.operation,
        query=query,
        body=sent.body,
        content_type=_kind(environ),
        criteria=_text(environ.get("HTTP_IF_NONE_EXIST"), "criteria-malformed"),
        raw_type=sent.raw_type,
        security_context=sent.security_context,
        accepts=_accepts(meaning, environ, query),
        provenance=_provenance(meaning.route, environ),
        if_match=environ.get("HTTP_IF_MATCH"),
        if_none_match=environ.get("HTTP_IF_NONE_MATCH"),
        if_modified_since=environ.get("HTTP_IF_MODIFIED_SINCE"),
        preference=negotiation.preference(environ.get("HTTP_PREFER")),
    )


def _sent(meaning: Meaning, environ: Mapping[str, Any], settings: Settings) -> Sent | None:
    """Return the body, None if there is none, or a form."""
    interaction = meaning.route.interaction
    if _is_content(meaning, environ):
        return Sent(body.read(environ, settings.max_body), environ.get("CONTENT_TYPE") or "")
    if interaction in _BODIES and meaning.type == content.TYPE:
        return content.read(environ, settings.max_body)
    if interaction == "create" and meaning.type == OF and _kind(environ) == CDA:
        return Sent(body.read(environ, settings.max_body))
    if _kind(environ) == CDA and interaction in (*_BODIES, "patch"):
        raise UnsupportedMediaType.because("cda-elsewhere", type=CDA, of=OF)
    if interaction == "patch":
        negotiation.patch_type(environ.get("CONTENT_TYPE"))
    elif interaction in _BODIES or _is_resource(meaning.route, environ):
        negotiation.check_content_type(environ.get("CONTENT_TYPE"))
    else:
        return None
    return Sent(body.read(environ, settings.max_body))


def _accepts(
    meaning: Meaning, environ: Mapping[str, Any], query: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    """Return the media ranges of a request for what may be answered by content of any kind.

    By _format, FHIR is asked for.
    """
    interaction = meaning.route.interaction
    is_about_content = meaning.type == content.TYPE and interaction in _ALONE
    is_about_content = is_about_content or interaction == JOB_REJECTS or meaning.operation in _FILES
    if not is_about_content or any(name == "_format" for name, _ in query):
        return ()
    return negotiation.media_ranges(environ.get("HTTP_ACCEPT"))


def _is_resource(route: Route, environ: Mapping[str, Any]) -> bool:
    """Tell whether a resource is posted to an operation; else its parameters are, as a form."""
    is_posted = route.interaction == "operation" and route.method == "POST"
    return is_posted and _kind(environ) not in ("", _FORM)


def _is_content(meaning: Meaning, environ: Mapping[str, Any]) -> bool:
    """Tell whether what is posted to an operation is a file, and no FHIR."""
    if meaning.operation in _OF_FILES and not _kind(environ):
        return True
    return _is_resource(meaning.route, environ) and _kind(environ) not in MEDIA_TYPES


def _kind(environ: Mapping[str, Any]) -> str:
    return (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()


def _provenance(route: Route, environ: Mapping[str, Any]) -> str | None:
    """Return what is told of where that comes from which is written; what reads has no such."""
    header = None if route.method == "GET" else environ.get("HTTP_X_PROVENANCE")
    return _text(header, "provenance-malformed")


def _text(header: str | None, message: str) -> str | None:
    """Return `header`, whose bytes WSGI gives as Latin-1, as the UTF-8 that clients send.

    Read as anything else, a Han name would be found nowhere, and its owner stored again. Raises
    BadRequest with `message` if it is not UTF-8.
    """
    try:
        return None if header is None else header.encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest.because(message) from None


def _form(environ: Mapping[str, Any], settings: Settings) -> tuple[tuple[str, str], ...]:
    content = body.read(environ, settings.max_body)
    if not content:
        return ()
    if _kind(environ) != _FORM:
        given = (environ.get("CONTENT_TYPE") or "-")[:60]
        raise UnsupportedMediaType.because("form-expected", type=given)
    try:
        # As browsers and curl read and write forms: what is beyond ASCII may stand as it is.
        return urls.parameters(content.decode())
    except UnicodeDecodeError:
        raise BadRequest.because("query-malformed") from None
