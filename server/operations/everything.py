"""$everything: the record of a patient or of an encounter, with what supports it.

First comes what is in the compartment, then what that refers to outside of it: practitioners,
organizations, medications. It is all in one Bundle unless the caller asks for pages, or it is too
large for one. Every resource comes once, whichever page it is on. A page is told while it is read.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from server.context import Context
from server.fhir import bundle, date
from server.fhir.outcome import BadRequest, TooCostly
from server.interactions.asking import page_size
from server.interactions.call import Call, Disclosed, Result
from server.interactions.presentation import LAYOUT
from server.operations import following, telling
from server.operations.arguments import Arguments
from server.operations.following import FIELDS, Found, Pointer
from server.operations.record import Record, is_allowed, require_few
from server.operations.telling import End, Told
from server.search import paging
from server.store.documents import PAGE_BYTES
from server.store.unions import Part

_MOST_PATIENTS = 1000
_INSIDE, _BESIDE = 0, 1
Place = tuple[int, str, str]
"""Where a page ended: inside the record or beside it, a type, an id."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of a record: of which `types`, None for all, and stored `since` when.

    `parameters` are those that all pages have in common.
    """

    path: str
    parameters: tuple[tuple[str, str], ...]
    count: int
    types: frozenset[str] | None
    since: int | None
    cursor: str | None

    @property
    def question(self) -> str:
        """What a cursor is bound to: all but the size of a page, and how it is laid out."""
        free = ("_count", *LAYOUT)
        return f"{self.path}?{sorted(pair for pair in self.parameters if pair[0] not in free)}"

    def url(self, base_url: str, cursor: str | None = None) -> str:
        """Return the URL of the page that `cursor` leads to."""
        more = [] if cursor is None else [(paging.PARAMETER, cursor)]
        query = urlencode([*self.parameters, *more])
        return f"{base_url}/{self.path}?{query}" if query else f"{base_url}/{self.path}"


@dataclass(slots=True)
class _Page:
    """A page while it is told; `end` is its last place if there is more than it has room for.

    `inside` is how much of it is from inside the record.
    """

    limit: int
    count: int = 0
    inside: int = 0
    size: int = 0
    last: Place | None = None
    end: Place | None = None

    def taken(self, phase: int, rows: Iterator[Found]) -> Iterator[Found]:
        """Yield as many of the `rows` as there is room for."""
        for type, document in rows:
            if self.count == self.limit or self.size > PAGE_BYTES:
                self.end = self.last
                return
            self.count += 1
            self.inside += phase == _INSIDE
            self.size += len(document["raw"])
            self.last = phase, type, document["_id"]
            yield type, document

    @property
    def room(self) -> int:
        """How many rows to ask for: one more than fit tells whether another page follows."""
        return self.limit - self.count + 1


def patient(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the record of one patient, or of all patients that the caller may see.

    Raises NotFound, Gone, TooCostly if these are more than a thousand.
    """
    if call.id is not None:
        context.resources.read(call.resource_type, call.id)
        ids = [call.id]
    else:
        rows = context.resources.rows("Patient", {}, (), _MOST_PATIENTS + 1, "rs")
        ids = sorted(row["_id"] for row in rows)
        if len(ids) > _MOST_PATIENTS:
            raise TooCostly.because("everything-patients-too-many", limit=_MOST_PATIENTS)
    patients = tuple(f"Patient/{id}" for id in ids)
    return _answer(context, call, arguments, Record("Patient", tuple(ids), patients))


def encounter(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the record of one encounter. Raises NotFound, Gone."""
    found = context.resources.read(call.resource_type, call.id or "")
    return _answer(context, call, arguments, Record("Encounter", (found.id,), found.patients))


def _answer(context: Context, call: Call, arguments: Arguments, whole: Record) -> Result:
    start, end = _dates(context, arguments)
    record = replace(whole, start=start, end=end)
    wanted = _asked(context, call, arguments)
    place = _begun(context, wanted)
    page = _Page(wanted.count)

    def ended() -> End:
        is_all = place is None and page.end is None and wanted.count > 0
        return End(_links(context, wanted, page), page.inside if is_all else None)

    return telling.searchset(_told(context, record, wanted, page, place), ended)


def _told(
    context: Context, record: Record, wanted: _Asked, page: _Page, place: Place | None
) -> Generator[Told, None, None]:
    """Yield what comes behind `place` as far as the `page` has room: first what is inside."""
    if not (record.ids and wanted.count):
        return
    parts = _parts(context, record, wanted)
    # Without these all that could refer to something passes by.
    is_seen = place is None and wanted.types is None and wanted.since is None
    pointers: set[Pointer] = set()
    if place is None or place[0] == _INSIDE:
        asked = _remaining(record, parts, wanted, place)
        for found in page.taken(_INSIDE, context.resources.union(asked, FIELDS, page.room)):
            body = following.shown(context, found)
            if is_seen:
                pointers.update(following.pointers(context, body))
            yield _entry(context, found, body, b"match")
    if page.end is not None:
        return
    try:
        if is_seen:
            require_few(pointers)
        else:
            pointers = record.referred(context, parts)
    except TooCostly:
        if page.last is None:
            raise
        # What was told already stays; the next page, which begins here, is refused.
        page.end = page.last
        return
    beside = record.beside(context, parts, pointers)
    behind = place if place is not None and place[0] == _BESIDE else None
    asked = _remaining(record, beside, wanted, behind)
    for found in page.taken(_BESIDE, context.resources.union(asked, FIELDS, page.room)):
        yield _entry(context, found, following.shown(context, found), b"include")


def _entry(context: Context, found: Found, body: bytes, mode: bytes) -> Told:
    type, row = found
    prefix = f"{context.interpreters.settings.base_url}/{type}/".encode()
    disclosed = Disclosed(type, row["_id"], row["v"], tuple(row.get("comp", ())))
    return Told(bundle.found(prefix, row["_id"], body, mode), disclosed)


def _parts(context: Context, record: Record, wanted: _Asked) -> dict[str, Part]:
    """Return the parts of `record`; who names no types may know of R4's only."""
    models = context.interpreters.definitions.models
    parts = record.parts(context)
    return {type: part for type, part in parts.items() if wanted.types or type not in models}


def _remaining(
    record: Record, parts: Mapping[str, Part], wanted: _Asked, place: Place | None
) -> list[Part]:
    """Return what of `parts` is `wanted` and comes behind `place`."""
    since = () if wanted.since is None else ({"lu": {"$gte": wanted.since}},)
    types = record.first(type for type in parts if wanted.types is None or type in wanted.types)
    found = {type: Part(type, (*parts[type].conditions, *since)) for type in types}
    if place is None:
        return list(found.values())
    _, last, id = place
    later = [type for type in record.first({*types, last}) if type in found]
    order = record.first({*types, last})
    remaining = [found[type] for type in later if order.index(type) > order.index(last)]
    if last in found:
        remaining.insert(0, Part(last, (*found[last].conditions, {"_id": {"$gt": id}})))
    return remaining


def _links(context: Context, wanted: _Asked, page: _Page) -> dict[str, str]:
    base_url = context.interpreters.settings.base_url
    links = {"self": wanted.url(base_url, wanted.cursor), "first": wanted.url(base_url)}
    if page.end is not None:
        cursor = context.services.cursors.make(wanted.question, page.end)
        links["next"] = wanted.url(base_url, cursor)
    return links


def _asked(context: Context, call: Call, arguments: Arguments) -> _Asked:
    since = arguments.text("_since")
    count = arguments.text("_count")
    path = "/".join(part for part in (call.type, call.id, f"${call.operation}") if part)
    named = [
        (name, value)
        for name, values in arguments.texts.items()
        for value in values
        if name != paging.PARAMETER
    ]
    layout = [pair for pair in call.query if pair[0] in LAYOUT]
    settings = context.interpreters.settings
    return _Asked(
        path,
        (*named, *layout),
        settings.max_page_size if count is None else page_size(context, count),
        _types(context, arguments),
        None if since is None else _stretch(context, "_since", since).start,
        arguments.text(paging.PARAMETER),
    )


def _begun(context: Context, wanted: _Asked) -> Place | None:
    """Return the place that the cursor leads to. Raises BadRequest, Gone."""
    if wanted.cursor is None:
        return None
    phase, type, id = context.services.cursors.read(wanted.question, wanted.cursor)
    return phase, type, id


def _types(context: Context, arguments: Arguments) -> frozenset[str] | None:
    """Return the types that the caller wants, None for all.

    Raises BadRequest if there is no such type, Forbidden if the caller may not have it.
    """
    values = arguments.texts.get("_type")
    if values is None:
        return None
    named = {type for value in values for type in value.split(",")}
    if "" in named:
        raise BadRequest.because("search-value-empty", parameter="_type")
    if unknown := sorted(named - context.interpreters.types):
        raise BadRequest.because("search-type-unknown", type=unknown[0][:40])
    for type in sorted(named):
        if not is_allowed(context, type):
            context.access.require_letter("r", type)
            context.access.require_letter("s", type)
    return frozenset(named)


def _dates(context: Context, arguments: Arguments) -> tuple[str | None, str | None]:
    """Return the dates of care, as they were given. Raises BadRequest if no day is between them."""
    start, end = arguments.text("start"), arguments.text("end")
    stretches = [
        _stretch(context, name, text) for name, text in (("start", start), ("end", end)) if text
    ]
    for name, text in (("start", start), ("end", end)):
        if text is not None and (not text or "T" in text):
            raise BadRequest.because("date-malformed-here", name=name, text=text[:40])
    if len(stretches) > 1 and stretches[0].start >= stretches[1].end:
        raise BadRequest.because("everything-dates-reversed")
    return start, end


def _stretch(context: Context, name: str, text: str) -> date.Interval:
    # In a URL an unescaped "+08:00" arrives with a blank in place of the plus sign.
    try:
        return date.interval(text.replace(" ", "+"), context.interpreters.zone)
    except ValueError:
        raise BadRequest.because("date-malformed-here", name=name, text=text[:40]) from None
