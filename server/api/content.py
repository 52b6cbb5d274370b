"""The body of a write to Binary: a resource, or any content, which then is not looked into.

Spec: https://hl7.org/fhir/R4/binary.html#rest
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from server.api import body, negotiation
from server.fhir import media_type
from server.fhir.formats import JSON_TYPES, XML_TYPES
from server.fhir.outcome import BadRequest, UnsupportedMediaType

TYPE = "Binary"


@dataclass(frozen=True, slots=True)
class Sent:
    """A body that was sent: a resource, or content of the media type `raw_type`.

    `security_context` is the reference in the header X-Security-Context.
    """

    body: bytes
    raw_type: str | None = None
    security_context: str | None = None


class _Typed(msgspec.Struct):
    resourceType: str | None = None  # noqa: N815  # FHIR's name


_TYPED = msgspec.json.Decoder(_Typed)
# Behind what may stand before it: a declaration and comments.
_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^>]*>\s*)*(?:<!--(?:(?!-->).)*-->\s*)*<(?:[\w.\-]+:)?(\w+)",
    re.DOTALL,
).match


def read(environ: Mapping[str, Any], limit: int) -> Sent:
    """Return what is sent in `environ`, of at most `limit` bytes when unpacked.

    Raises UnsupportedMediaType if its type is missing or malformed, BadRequest if the security
    context of a resource is not said in the resource.
    """
    given = environ.get("CONTENT_TYPE") or ""
    type = media_type.parse(given)
    if type is None:
        raise UnsupportedMediaType.because("content-type-malformed", type=(given or "-")[:60])
    content = body.read(environ, limit)
    context = environ.get("HTTP_X_SECURITY_CONTEXT")
    if not _is_resource(media_type.kind(type), content):
        return Sent(content, type, context)
    negotiation.check_content_type(given)
    if context is not None:
        raise BadRequest.because("security-context-beside-resource")
    return Sent(content)


def _is_resource(kind: str, content: bytes) -> bool:
    """Tell whether `content` of the type `kind` is a Binary; another resource is content.

    What calls itself FHIR and cannot be read is taken for one, whose faults are then told.
    """
    if kind in XML_TYPES:
        root = _ROOT(content)
        found = None if root is None else root[1].decode("ascii", "replace")
    elif kind in JSON_TYPES:
        found = _type(content)
    else:
        return False
    return found == TYPE or (found is None and media_type.is_fhir(kind))


def _type(content: bytes) -> str | None:
    try:
        return _TYPED.decode(content).resourceType
    except (msgspec.DecodeError, RecursionError):
        return None
