"""Binary: content of any kind, which comes and goes as it is.

A request that does not ask for FHIR gets the content itself; a body that is no Binary becomes the
content of one. In a Bundle a Binary is a resource like any other.

Spec: https://hl7.org/fhir/R4/binary.html#rest
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from server.context import Context
from server.fhir import json, media_type
from server.fhir.outcome import BadRequest, Unprocessable
from server.fhir.reference import parse
from server.interactions.call import Call
from server.store.documents import Version

TYPE = "Binary"
_SAFE = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
"""What keeps a browser from running, on this server's behalf, what somebody has uploaded."""
_OWN = frozenset({"resourceType", "id", "meta", "contentType", "data"})
"""The elements that content alone makes."""
_STAMP = frozenset({"versionId", "lastUpdated"})


class _Content(msgspec.Struct):
    contentType: str = media_type.UNKNOWN  # noqa: N815  # FHIR's name
    data: bytes = b""


class _Spaced(_Content):
    data: str = ""  # type: ignore[assignment]  # as it stands there


_CONTENT = msgspec.json.Decoder(_Content)
_SPACED = msgspec.json.Decoder(_Spaced)
_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])


def raw(call: Call, body: bytes) -> tuple[str, bytes] | None:
    """Return media type and bytes of the content of the Binary `body` if `call` wants these.

    `body` is what the caller may see of it. Without `data` there are no bytes.
    """
    if not call.accepts:
        return None
    found = _content(body)
    # A code of FHIR is not always what may stand in a header.
    type = media_type.parse(found.contentType) or media_type.UNKNOWN
    return (type, found.data) if _wants(call.accepts, type) else None


def headers() -> dict[str, str]:
    """Return the headers that go out with content."""
    return dict(_SAFE)


def resource(context: Context, call: Call) -> tuple[json.Resource, bytes]:
    """Return the Binary whose content is the body of `call`: without its data, and its bytes.

    Raises BadRequest if there is no content, or no resource of this server is named as its
    security context.
    """
    if not call.body:
        raise BadRequest.because("body-missing")
    found: json.Resource = {"resourceType": TYPE}
    if call.id is not None:
        found["id"] = call.id
    found["contentType"] = call.raw_type
    if call.security_context is not None:
        found["securityContext"] = {"reference": call.security_context}
        if not _is_context(context, call.security_context):
            raise BadRequest.because("security-context-malformed")
    body = b'%b,"data":"%b"}' % (json.dumps(found)[:-1], b64encode(call.body))
    return found, body


def check(context: Context, resource: json.Resource) -> None:
    """Raise Unprocessable if `resource` is a Binary that nobody could tell who may see it."""
    if resource["resourceType"] != TYPE or "securityContext" not in resource:
        return
    if not _is_context(context, resource["securityContext"].get("reference", "")):
        raise Unprocessable.because("security-context-malformed", "Binary.securityContext")


def check_kept(call: Call, old: Version) -> None:
    """Raise Unprocessable if content alone would take the place of `old`, which says more.

    Its security context and its labels would be gone, and others could see it.
    """
    if call.raw_type is None or old.body is None:
        return
    lost = sorted(set(_more(old.body)) - ({"securityContext"} if call.security_context else set()))
    if lost:
        raise Unprocessable.because("binary-says-more", names=", ".join(lost))


def _content(body: bytes) -> _Content:
    try:
        return _CONTENT.decode(body)
    except msgspec.ValidationError:
        # FHIR allows white space in it; the decoder does not, but is four times as fast.
        found = _SPACED.decode(body)
        return _Content(found.contentType, b64decode(found.data))


def _wants(accepts: tuple[str, ...], type: str) -> bool:
    """Tell whether content of `type` is what `accepts`, the best first, means.

    What is named is asked for: the content if it is of that kind, or FHIR. If nothing fits, the
    content comes as it is.
    """
    kind = media_type.kind(type)
    for one in accepts:
        if media_type.is_fhir(one):
            return False
        if one in ("*/*", kind, f"{kind.partition('/')[0]}/*"):
            return True
    return True


def _is_context(context: Context, reference: str) -> bool:
    target = parse(reference, context.interpreters.settings.base_url)
    return target.local and target.type in context.interpreters.types - {TYPE}


def _more(body: bytes) -> Iterator[str]:
    """Yield the elements of the Binary `body` that content alone does not make."""
    found = _PROPERTIES.decode(body)
    yield from found.keys() - _OWN
    meta: dict[str, Any] = _PROPERTIES.decode(found["meta"])
    yield from (f"meta.{name}" for name in meta.keys() - _STAMP)
