"""What a search asks for: which resources, in which shape, how many, and what comes with them.

Spec: https://hl7.org/fhir/R4/search.html#Summary
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

from server.context import Context
from server.fhir.outcome import BadRequest
from server.interactions import including
from server.interactions.call import Call
from server.interactions.presentation import Presentation, single
from server.search import includes, paging
from server.search.includes import Includes
from server.search.query import Query

TOTALS = ("none", "estimate", "accurate")
_TOTAL_METHOD = "_totalMethod"
"""What the client library fhirpy sends instead of _total; `count` is an accurate total."""
PARAMETERS = ("_count", "_total", _TOTAL_METHOD, "_contained", "_explain", paging.PARAMETER)
INCLUDES = ("_include", "_revinclude")
_DIGITS = 9
_ORDERS_OF_ALL = frozenset({"_id", "_lastUpdated"})
_FORM = 3
"""How places are written in cursors: one of another form is refused rather than misread."""
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search goes through: `types`, all of them or what of them is in a compartment.

    `path` is its URL below the base. `several` says that there may be more than one type.
    """

    path: str
    types: tuple[str, ...]
    several: bool = False
    compartment: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One search. `ignored` are the parameters that a lenient caller gets no answer to."""

    scope: Scope
    presentation: Presentation
    count: int
    total: str
    cursor: str | None
    explain: bool
    queries: tuple[Query, ...]
    includes: Includes
    used: tuple[Pair, ...]
    ignored: tuple[Pair, ...]

    @property
    def question(self) -> str:
        """What a cursor is bound to: not to the types that are stored, which may become more."""
        types = [pair for pair in self.used if pair[0] == "_type"]
        criteria = [pair for query in self.queries[:1] for pair in query.used]
        return f"{_FORM}?{self.scope.path}?{types}?{criteria}"

    @property
    def merged(self) -> bool:
        """Whether the resources of all types come in one order."""
        return any(query.keys for query in self.queries)

    def url(self, base_url: str) -> str:
        """Return the URL of the first page, with the parameters that are really used."""
        url = f"{base_url}/{self.scope.path}"
        return f"{url}?{urlencode(self.used)}" if self.used else url


def asked(context: Context, call: Call, scope: Scope) -> Asked:
    """Return what `call` asks for in `scope`.

    Raises BadRequest for what is not understood; unknown parameters of a lenient caller are
    passed over.
    """
    presentation, rest = Presentation.split(call.query)
    presentation.check(context.interpreters.subsets, *scope.types)
    shape = single(rest, PARAMETERS)
    if shape.get("_contained", "false") != "false":
        raise BadRequest.because("search-contained-unsupported")
    method = shape.get(_TOTAL_METHOD)
    by_method = "none" if method is None else {"count": "accurate"}.get(method, method)
    total = shape.get("_total", by_method)
    if total not in TOTALS:
        raise BadRequest.because("total-unknown", value=total[:40])
    joining = [pair for pair in rest if pair[0].partition(":")[0] in INCLUDES]
    own = {*PARAMETERS, "_type"} if scope.several else {*PARAMETERS}
    criteria = [pair for pair in rest if pair[0] not in own and pair not in joining]
    queries, ignored = _queries(context, call, scope, criteria)
    joined = _joined(context, call, scope, joining)
    including.check(joined, presentation)
    ignored = (*ignored, *joined.ignored)
    count = page_size(context, shape.get("_count"))
    return Asked(
        scope,
        presentation,
        count,
        total,
        shape.get(paging.PARAMETER),
        _is_true(shape, "_explain"),
        queries,
        joined,
        tuple(_used(call.query, ignored, count)),
        ignored,
    )


def _joined(context: Context, call: Call, scope: Scope, joining: Sequence[Pair]) -> Includes:
    """Return the includes, as the caller may see what they are about."""
    plans, lenient = context.interpreters.index.plans, call.preference.lenient
    return includes.parse(plans, scope.types, joining, lenient=lenient, sight=context.sight)


def _is_true(shape: Mapping[str, str], name: str) -> bool:
    """Tell whether the parameter `name` is true. Raises BadRequest if it is not false either."""
    value = shape.get(name, "false")
    if value not in ("true", "false"):
        raise BadRequest.because("boolean-unknown", name=name, value=value[:40])
    return value == "true"


def page_size(context: Context, value: str | None) -> int:
    """Return how many resources a page holds when `value` is what _count asks.

    More than the server's largest page gives the largest page. Raises BadRequest
    if it is not a whole number.
    """
    settings = context.interpreters.settings
    if value is None:
        return settings.page_size
    if not (value.isascii() and value.isdigit()):
        raise BadRequest.because("count-malformed", value=value[:40])
    digits = value.lstrip("0")
    # Longer ones take Python long, or are no number to it.
    return min(int(digits[: _DIGITS + 1] or "0"), settings.max_page_size)


def _queries(
    context: Context, call: Call, scope: Scope, criteria: Sequence[Pair]
) -> tuple[tuple[Query, ...], tuple[Pair, ...]]:
    """Return the queries, one for each type; a parameter that one of them ignores none has."""
    compile = partial(
        context.interpreters.queries.compile,
        lenient=call.preference.lenient,
        compartment=scope.compartment,
        sight=context.sight,
    )
    queries = [compile(type, criteria) for type in scope.types]
    ignored = tuple(dict.fromkeys(pair for query in queries for pair in query.ignored))
    if ignored and len(queries) > 1:
        used = [pair for pair in criteria if pair not in ignored]
        queries = [replace(compile(type, used), ignored=ignored) for type in scope.types]
    uncommon = {key.code for query in queries for key in query.keys} - _ORDERS_OF_ALL
    if scope.several and uncommon:
        raise BadRequest.because("search-sort-not-common", key=min(uncommon))
    return tuple(queries), ignored


def _used(query: Sequence[Pair], ignored: Sequence[Pair], count: int) -> list[Pair]:
    """Return what of `query` goes into links; _count is told as it is."""
    dropped = (paging.PARAMETER, "_explain")
    return [
        (name, str(count) if name == "_count" else value)
        for name, value in query
        if name not in dropped and (name, value) not in ignored
    ]
