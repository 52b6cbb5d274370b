"""Search: one type, several types, a compartment; a page at a time.

Spec: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from server.access.policy import EXPLAIN
from server.context import Context
from server.fhir import bundle, json
from server.fhir.outcome import BadRequest, Issue, NotFound, operation_outcome
from server.interactions import including, redaction
from server.interactions.asking import Asked, Scope, asked
from server.interactions.call import Call, Disclosed, Result
from server.interactions.explaining import explained
from server.interactions.patience import TOLD, Patience
from server.interactions.presentation import Presentation
from server.interactions.rows import Place, Rows, Search
from server.search import paging
from server.search.pointers import Found
from server.store.documents import Document

_STEPS_BACK = 3
"""A cursor knows where so many earlier pages began."""


def search(context: Context, call: Call) -> Result:
    """Return one page of the resources of a type that match, or only their number."""
    type = call.resource_type
    return _searched(context, call, Scope(type, (type,)))


def search_system(context: Context, call: Call) -> Result:
    """Return one page of the resources of several types (``_type``), or of all, that match."""
    types = _named(context, call) or _seen(context, context.resources.types())
    return _searched(context, call, Scope("", tuple(types), several=True))


def search_compartment(context: Context, call: Call) -> Result:
    """Return one page of what is in the compartment of one resource.

    It is of a type, or of several: all (``*``) or, of these, the ones that ``_type`` names.

    Raises NotFound if resources of its type have no compartment.
    """
    owner, id = call.owner or "", call.id or ""
    members = context.interpreters.definitions.compartments.get(owner)
    if members is None:
        raise NotFound.because("url-unknown")
    if call.type is not None:
        scope = Scope(f"{owner}/{id}/{call.type}", (call.type,), compartment=(owner, id))
    else:
        inside = {type for type, codes in members.items() if codes} | {owner}
        types = _named(context, call) or _seen(
            context, inside.intersection(context.resources.types())
        )
        scope = Scope(f"{owner}/{id}/*", tuple(types), several=True, compartment=(owner, id))
    return _searched(context, call, scope)


def _seen(context: Context, types: Iterable[str]) -> list[str]:
    """Return those of `types` that the caller may search, in order; R4's, unless others are named.

    Who asks for all may know of no others.
    """
    models = context.interpreters.definitions.models
    return sorted(type for type in types if context.access.has(type, "s") and type not in models)


def _named(context: Context, call: Call) -> list[str]:
    """Return the types that the caller names (``_type``), in order.

    Raises BadRequest if there is no such type, Forbidden if the caller may not search it.
    """
    values = [value for name, value in call.query if name == "_type"]
    named = {type for value in values for type in value.split(",")}
    if "" in named:
        raise BadRequest.because("search-value-empty", parameter="_type")
    if unknown := sorted(named - set(context.interpreters.types)):
        raise BadRequest.because("search-type-unknown", type=unknown[0][:40])
    for type in sorted(named):
        context.access.require_letter("s", type)
    return sorted(named)


def _searched(context: Context, call: Call, scope: Scope) -> Result:
    wanted = asked(context, call, scope)
    compiler = context.interpreters.queries
    lookup = Patience(context.resources)
    place, trail = _begun(context, wanted)
    here, *within = place or ("",)
    legs = [
        compiler.ready(query, lookup, within if query.type == here else None)
        for query in wanted.queries
    ]
    if wanted.explain:
        context.access.require(EXPLAIN, call.type)
        return Result(status=200, body=explained(context, legs, wanted.count))
    for leg in legs:
        context.resources.prepare(leg.type, leg.needs)
    fields = (*TOLD, *wanted.includes.fields)
    run = Search(context, lookup, legs, fields, merged=wanted.merged)
    if wanted.count == 0 or wanted.presentation.summary == "count":
        first = wanted.url(context.interpreters.settings.base_url)
        told = bundle.bundle("searchset", _told(context, wanted), {"self": first}, run.count())
        return Result(status=200, body=told)
    return _page(context, wanted, run, place, trail)


def _begun(context: Context, wanted: Asked) -> tuple[Place | None, Sequence[Place | None]]:
    """Return the place that the cursor leads to, and those that earlier pages began at.

    The first page begins at None.
    """
    if wanted.cursor is None:
        return None, ()
    place, trail = context.services.cursors.read(wanted.question, wanted.cursor)
    return place, trail


def _page(
    context: Context,
    wanted: Asked,
    run: Search,
    place: Place | None,
    trail: Sequence[Place | None],
) -> Result:
    """Return the page that begins at `place`, after pages that began at the places of `trail`."""
    cursors, question = context.services.cursors, wanted.question
    first = wanted.url(context.interpreters.settings.base_url)
    here = first if wanted.cursor is None else _with(first, wanted.cursor)
    links = {"self": here, "first": first}
    if place is not None and not run.has(place):
        raise BadRequest.because("cursor-invalid")
    if trail:
        *before, last = trail
        at_first = last is None
        links["prev"] = first if at_first else _with(first, cursors.make(question, [last, before]))
    rows, others, issues = _together(run.lookup, wanted, run.page(wanted.count, place))
    if rows.end is not None:
        ahead = [rows.end, [*trail, place][-_STEPS_BACK:]]
        links["next"] = _with(first, cursors.make(question, ahead))
    entries = list(_entries(context, wanted, ((row.type, row.document) for row in rows.found)))
    entries += _entries(context, wanted, others, b"include")
    entries += _told(context, wanted, issues)
    disclosed = [_disclosed(row.type, row.document) for row in rows.found]
    disclosed += [_disclosed(type, document) for type, document in others]
    known = len(rows.found) if rows.end is None and place is None else None
    total = _total(run, wanted.total) if known is None else known
    body = bundle.bundle("searchset", entries, links, total)
    return Result(status=200, body=body, disclosed=tuple(disclosed))


def _disclosed(type: str, document: Document) -> Disclosed:
    return Disclosed(type, document["_id"], document["v"], tuple(document.get("comp", ())))


def _together(
    lookup: Patience, wanted: Asked, rows: Rows
) -> tuple[Rows, Sequence[Found], Sequence[Issue]]:
    """Return as many rows of the page as there is room for with what comes with them."""
    if not wanted.includes or not rows.found:
        return rows, (), ()
    matches = [(row.type, row.document) for row in rows.found]
    page = including.page(lookup.returning(), wanted.includes, matches)
    kept = rows if page.matches == len(matches) else rows.first(page.matches)
    return kept, page.included, page.issues


def _total(run: Search, total: str) -> int | None:
    match total:
        case "accurate":
            return run.count()
        case "estimate":
            return run.count(exactly=False)
    return None


def _entries(
    context: Context, wanted: Asked, found: Iterable[Found], mode: bytes = b"match"
) -> Iterator[bytes]:
    """Yield the entries of the resources that were `found`, as they are to be presented."""
    base_url = context.interpreters.settings.base_url
    presentation = wanted.presentation
    is_whole = presentation.whole and not context.access.masks
    for type, rows in groupby(found, key=itemgetter(0)):
        prefix = f"{base_url}/{type}/".encode()
        for _, document in rows:
            raw = document["raw"]
            # What most ask for costs least: a call for each of a thousand rows is worth sparing.
            body = raw if is_whole else _presented(context, presentation, type, raw)
            yield bundle.found(prefix, document["_id"], body, mode)


def _presented(context: Context, presentation: Presentation, type: str, raw: bytes) -> bytes:
    seen = redaction.shown(context, raw)
    return presentation.of(context.interpreters.subsets, type, seen)


def _told(context: Context, wanted: Asked, issues: Sequence[Issue] = ()) -> list[bytes]:
    """Return the entry that tells what was ignored or left out, if anything was."""
    told = [
        Issue("not-supported", "parameter-ignored", {"name": name[:40]}, severity="warning")
        for name, _ in wanted.ignored
    ]
    told += issues
    if not told:
        return []
    return [bundle.outcome(json.dumps(operation_outcome(told, context.language)))]


def _with(url: str, cursor: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{paging.PARAMETER}={cursor}"
