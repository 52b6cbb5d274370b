"""The versions of a resource, of a type, of the system, newest first.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from server.context import Context
from server.fhir import bundle, date, json
from server.fhir.outcome import BadRequest
from server.interactions import redaction
from server.interactions.asking import page_size
from server.interactions.call import Call, Disclosed, Result
from server.interactions.presentation import Presentation
from server.search import paging
from server.store.documents import Version
from server.store.history import Page, Window

PARAMETERS = ("_since", "_at", "_count", paging.PARAMETER)
_Listing = Callable[[Window, int], Page]


def history_instance(context: Context, call: Call) -> Result:
    """Return a page of the versions of one resource. Raises NotFound if it never was."""
    type, id = call.resource_type, call.id or ""
    return _history(
        context,
        call,
        f"{type}/{id}/_history",
        lambda window, limit: context.history.of_instance(type, id, window, limit),
    )


def history_type(context: Context, call: Call) -> Result:
    """Return a page of the versions of all resources of a type."""
    type = call.resource_type
    return _history(
        context,
        call,
        f"{type}/_history",
        lambda window, limit: context.history.of_type(type, window, limit),
    )


def history_system(context: Context, call: Call) -> Result:
    """Return a page of the versions of all resources, of those types that the caller may see.

    They are R4's: who asks for all may know of no others.
    """
    known = context.interpreters
    seen = context.access.types("s")
    types = (known.types if seen is None else seen) - known.definitions.models.keys()
    return _history(
        context,
        call,
        "_history",
        lambda window, limit: context.history.of_system(window, limit, types),
    )


def _history(context: Context, call: Call, path: str, listing: _Listing) -> Result:
    presentation, rest = Presentation.split(call.query)
    presentation.refuse_count()
    if call.type is not None:
        presentation.check(context.interpreters.subsets, call.type)
    asked = {name: value for name, value in rest if name in PARAMETERS}
    unknown = [name for name, _ in rest if name not in PARAMETERS]
    if unknown and not call.preference.lenient:
        raise BadRequest.because("parameter-unknown-here", name=unknown[0][:40])
    count = page_size(context, asked.get("_count"))
    kept = [(n, v) for n, v in call.query if n not in unknown and n != paging.PARAMETER]
    question = f"{path}?{urlencode([pair for pair in kept if pair[0] in PARAMETERS])}"
    window = _window(context, asked, question)
    page, end = listing(window, count) if count else ([], None)
    url = f"{context.interpreters.settings.base_url}/{path}"
    first = f"{url}?{urlencode(kept)}" if kept else url
    own = [(n, v) for n, v in call.query if n == paging.PARAMETER]
    links = {"self": f"{url}?{urlencode([*kept, *own])}" if own else first, "first": first}
    if end is not None:
        cursor = context.services.cursors.make(question, end)
        links["next"] = f"{url}?{urlencode([*kept, (paging.PARAMETER, cursor)])}"
    entries = [_entry(context, presentation, version) for version in page]
    disclosed = tuple(map(Disclosed.of, page))
    return Result(status=200, body=bundle.bundle("history", entries, links), disclosed=disclosed)


def _window(context: Context, asked: dict[str, str], question: str) -> Window:
    since = at = after = None
    if "_since" in asked:
        since = _moments(context, "_since", asked["_since"])[0]
    if "_at" in asked:
        at = _moments(context, "_at", asked["_at"])
    if paging.PARAMETER in asked:
        moment, key = context.services.cursors.read(question, asked[paging.PARAMETER])
        after = (moment, key)
    return Window(since, at, after)


def _moments(context: Context, name: str, text: str) -> tuple[int, int]:
    # In a URL an unescaped "+08:00" arrives with a blank in place of the plus sign.
    try:
        return date.interval(text.replace(" ", "+"), context.interpreters.zone)
    except ValueError:
        raise BadRequest.because("date-malformed-here", name=name, text=text[:40]) from None


def _entry(context: Context, presentation: Presentation, version: Version) -> bytes:
    base = context.interpreters.settings.base_url
    body = version.body
    if body is not None:
        seen = redaction.shown(context, body)
        body = presentation.of(context.interpreters.subsets, version.type, seen)
    when = json.instant(version.last_updated, context.interpreters.zone)
    url = f"{base}/{version.type}/{version.id}"
    return bundle.past(url, body, _request(version), _response(version, when))


def _request(version: Version) -> dict[str, Any]:
    if version.body is None:
        return {"method": "DELETE", "url": f"{version.type}/{version.id}"}
    if version.posted:
        return {"method": "POST", "url": version.type}
    return {"method": "PUT", "url": f"{version.type}/{version.id}"}


def _response(version: Version, when: str) -> dict[str, Any]:
    status = "204" if version.body is None else "201" if version.version == 1 else "200"
    return {"status": status, "etag": f'W/"{version.version}"', "lastModified": when}
