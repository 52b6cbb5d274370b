"""Search one type, a page at a time.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from server.context import Context
from server.fhir import bundle, json
from server.fhir.outcome import BadRequest, Issue, operation_outcome
from server.interactions.call import Call, Result
from server.interactions.presentation import PARAMETERS as SHAPE
from server.interactions.presentation import Presentation
from server.search import paging
from server.search.query import Query
from server.store.documents import Document

TOTALS = ("none", "estimate", "accurate")
PARAMETERS = ("_count", "_total", paging.PARAMETER)


@dataclass(frozen=True, slots=True)
class _Page:
    """What of the result is wanted, and the parameters that say which resources match."""

    presentation: Presentation
    count: int
    total: str
    cursor: str | None
    criteria: list[tuple[str, str]]


def search(context: Context, call: Call) -> Result:
    """Return one page of the resources that match, or only their number."""
    type = call.resource_type
    page = _page(context, call)
    query = context.interpreters.queries.compile(
        type, page.criteria, lenient=call.preference.lenient
    )
    first = _url(context, call, query, page)
    links = {"self": first}
    if page.count == 0 or page.presentation.summary == "count":
        number = context.resources.count(type, query.condition)
        told = bundle.bundle("searchset", _ignored(context, query), links, number)
        return Result(status=200, body=told)
    rows, more = _rows(context, type, query, page)
    if page.cursor is not None:
        links["self"] = _with(first, page.cursor)
    links["first"] = first
    if more:
        place = query.order.place(rows[-1])
        links["next"] = _with(first, context.services.cursors.make(_question(type, query), place))
    total = _total(context, type, query, page, None if more else len(rows))
    entries = _entries(context, type, page.presentation, rows) + _ignored(context, query)
    return Result(status=200, body=bundle.bundle("searchset", entries, links, total))


def page_size(context: Context, value: str | None) -> int:
    """Return how many resources a page holds when `value` is what _count asks.

    More than the server's largest page gives the largest page. Raises BadRequest
    if it is not a whole number.
    """
    settings = context.interpreters.settings
    if value is None:
        return settings.page_size
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadRequest.because("count-malformed", value=value[:40])
    return min(int(value), settings.max_page_size)


def _page(context: Context, call: Call) -> _Page:
    presentation, rest = Presentation.split(call.query)
    presentation.check(context.interpreters.subsets, call.resource_type)
    asked = {name: value for name, value in rest if name in PARAMETERS}
    total = asked.get("_total", "none")
    if total not in TOTALS:
        raise BadRequest.because("total-unknown", value=total[:40])
    criteria = [(name, value) for name, value in rest if name not in PARAMETERS]
    count = page_size(context, asked.get("_count"))
    return _Page(presentation, count, total, asked.get(paging.PARAMETER), criteria)


def _rows(context: Context, type: str, query: Query, page: _Page) -> tuple[list[Document], bool]:
    """Return the rows of the page, and whether there are more behind it."""
    place = None
    if page.cursor is not None:
        place = context.services.cursors.read(_question(type, query), page.cursor)
    return context.resources.search(type, query.condition, query.order, page.count, place)


def _total(context: Context, type: str, query: Query, page: _Page, known: int | None) -> int | None:
    if known is not None and page.cursor is None:
        return known
    return None if page.total == "none" else context.resources.count(type, query.condition)


def _entries(
    context: Context, type: str, presentation: Presentation, rows: Sequence[Document]
) -> list[bytes]:
    prefix = f"{context.interpreters.settings.base_url}/{type}/".encode()
    if presentation.whole:
        return [bundle.match(prefix, row["_id"], row["raw"]) for row in rows]
    shown = partial(presentation.of, context.interpreters.subsets, type)
    return [bundle.match(prefix, row["_id"], shown(row["raw"])) for row in rows]


def _ignored(context: Context, query: Query) -> list[bytes]:
    if not query.ignored:
        return []
    issues = [
        Issue("not-supported", "parameter-ignored", {"name": name[:40]}, severity="warning")
        for name, _ in query.ignored
    ]
    return [bundle.outcome(json.dumps(operation_outcome(issues, context.language)))]


def _url(context: Context, call: Call, query: Query, page: _Page) -> str:
    """Return the URL of the first page, with the parameters that were really used."""
    used = [*query.used]
    for name, value in call.query:
        if name in (*SHAPE, "_total"):
            used.append((name, value))
        elif name == "_count":
            used.append((name, str(page.count)))
    url = f"{context.interpreters.settings.base_url}/{call.type}"
    return f"{url}?{urlencode(used)}" if used else url


def _with(url: str, cursor: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{paging.PARAMETER}={cursor}"


def _question(type: str, query: Query) -> str:
    """Return what a cursor is bound to."""
    return f"{type}?{query.used!r}"
