"""Read the current version of a resource, or an earlier one.

Spec: https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread
"""

import re
from email.utils import parsedate_to_datetime

from server.context import Context
from server.fhir.outcome import Gone, NotFound
from server.interactions import binary, redaction
from server.interactions.call import Call, Disclosed, Result, entity_tags
from server.interactions.presentation import Presentation
from server.store.documents import Version

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


def read(context: Context, call: Call) -> Result:
    """Return the current version, or 304 if the caller has it.

    Raises NotFound, or Gone if it was deleted.
    """
    presentation = Presentation.only(call, context.interpreters.subsets)
    found = context.resources.read(call.resource_type, call.id or "")
    return _shown(context, call, found, presentation)


def vread(context: Context, call: Call) -> Result:
    """Return one version. Raises NotFound, or Gone if that version is a deletion."""
    presentation = Presentation.only(call, context.interpreters.subsets)
    type, id, version = call.resource_type, call.id or "", call.version or ""
    if not _VERSION.fullmatch(version):
        raise NotFound.because("version-unknown", type=type, id=id, version=version[:40])
    found = context.history.version(type, id, int(version))
    if found.body is None:
        raise Gone.because("resource-deleted", type=type, id=id)
    return _shown(context, call, found, presentation)


def _shown(context: Context, call: Call, found: Version, presentation: Presentation) -> Result:
    version, moment, disclosed = found.version, found.last_updated, (Disclosed.of(found),)
    if _caller_has_it(call, found):
        return Result(status=304, version=version, last_updated=moment, disclosed=disclosed)
    seen = redaction.shown(context, found.body or b"")
    if (raw := binary.raw(call, seen)) is not None:
        type, content = raw
        return Result(
            status=200,
            body=content,
            content_type=type,
            headers=binary.headers(),
            version=version,
            last_updated=moment,
            disclosed=disclosed,
        )
    body = presentation.of(context.interpreters.subsets, found.type, seen)
    return Result(status=200, body=body, version=version, last_updated=moment, disclosed=disclosed)


def _caller_has_it(call: Call, found: Version) -> bool:
    # If-None-Match is the exact one of the two; RFC 9110 13.1.3 lets it win.
    if call.if_none_match is not None:
        versions = entity_tags(call.if_none_match)
        return "*" in versions or str(found.version) in versions
    since = _moment(call.if_modified_since)
    return since is not None and found.last_updated // 1_000_000 <= since


def _moment(text: str | None) -> float | None:
    """Return the seconds since 1970 that `text` says; None for what is no HTTP date.

    Spec: RFC 9110 section 13.1.3, which has a wrong date passed over.
    """
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
