"""$lastn: the latest observations of each code.

Codes that one observation has together are equal, and so is what is equal to one of them. Without
a code, the text has to be the same. Whatever is as late as the last that is asked for comes, too.

Spec: https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from server.context import Context
from server.fhir import bundle
from server.fhir.outcome import BadRequest, TooCostly
from server.interactions import asking, presentation
from server.interactions.call import Call, Disclosed, Result
from server.interactions.patience import Patience
from server.operations import following
from server.operations.arguments import Arguments
from server.search import hiding
from server.search.conditions import Condition
from server.search.values import split
from server.store.documents import PAGE_BYTES, Document
from server.store.unions import Part

_TYPE = "Observation"
_MOST_CANDIDATES = 20_000
_SUBJECTS = ("patient", "subject")
_OF_RESULTS = (*asking.PARAMETERS, *asking.INCLUDES, *presentation.PARAMETERS, "_sort")
"""What a search says of its result; of this one it is `max` that does."""
_NO_VALUE = ("missing", "not")
_NUMBER = re.compile("0*[1-9][0-9]{0,9}")
_LARGEST = 2**31 - 1
_GROUPING = ("c", "ds")
Groups = dict[str, list[Document]]
"""Documents with `_id` and `ds` by a name of what groups them."""


def lastn(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the latest observations of each code among those that match, the newest first.

    Raises BadRequest unless a subject and a category or a code are named, TooCostly if there are
    more than one answer holds.
    """
    most = context.interpreters.settings.max_page_size
    count = min(_count(arguments), most + 1)
    condition = _condition(context, arguments.criteria)
    chosen: list[Document] = []
    for rows in groups(context, condition, count).values():
        chosen += latest(rows, count)
    if len(chosen) > most:
        raise TooCostly.because("lastn-too-many", limit=most)
    found = list(_newest_first(context, chosen))
    base_url = context.interpreters.settings.base_url
    prefix = f"{base_url}/{_TYPE}/".encode()
    entries = [
        bundle.found(prefix, row["_id"], following.shown(context, (_TYPE, row))) for row in found
    ]
    asked = [("max", value) for value in arguments.texts.get("max", ())]
    url = f"{base_url}/{_TYPE}/${call.operation}?{urlencode([*asked, *arguments.criteria])}"
    return Result(
        status=200,
        body=bundle.bundle("searchset", entries, {"self": url}, len(entries)),
        disclosed=tuple(
            Disclosed(_TYPE, row["_id"], row["v"], tuple(row.get("comp", ()))) for row in found
        ),
    )


def groups(context: Context, condition: Condition, count: int) -> Groups:
    """Return the observations that fulfil `condition`, by what their codes say they are.

    Of each group there are at least the latest `count`, and all as late as the last of them.

    Raises TooCostly if they have too many different codes, Forbidden if their codes or dates are
    hidden from the caller, who would learn of them.
    """
    plan = context.interpreters.index.plans[_TYPE]
    for code in _GROUPING:
        hiding.require_shown(plan, plan.main[code], context.sight)
    rows = context.resources.latest(_TYPE, condition, count, _MOST_CANDIDATES + 1)
    if len(rows) > _MOST_CANDIDATES:
        raise TooCostly.because("lastn-too-many", limit=_MOST_CANDIDATES)
    found = _by_code(row for row in rows if "c" in row)
    if any("c" not in row for row in rows):
        found |= _by_text(context, condition)
    return found


def are_shown(context: Context) -> bool:
    """Tell whether the caller may see the codes and the dates that make the groups."""
    plan = context.interpreters.index.plans[_TYPE]
    return all(hiding.is_shown(plan, plan.main[code], context.sight) for code in _GROUPING)


def latest(rows: Iterable[Document], count: int) -> list[Document]:
    """Return the latest `count` of `rows`, and all as late as the last of them."""
    ordered = sorted(rows, key=lateness, reverse=True)
    if len(ordered) <= count:
        return ordered
    last = lateness(ordered[count - 1])
    return [row for row in ordered if lateness(row) >= last]


def lateness(row: Document) -> tuple[bool, int]:
    """Return what orders rows from the oldest to the latest; without a date they are the oldest."""
    moment = row.get("ds")
    return moment is not None, moment or 0


def _by_code(rows: Iterable[Document]) -> Groups:
    """Return the `rows` by one of their codes, where all that are equal are one."""
    parents: dict[str, str] = {}

    def root(code: str) -> str:
        while parents.setdefault(code, code) != code:
            parents[code] = parents[parents[code]]
            code = parents[code]
        return code

    kept = [(row, _codes(row)) for row in rows]
    for _, codes in kept:
        for other in codes[1:]:
            parents[root(other)] = root(codes[0])
    found: Groups = {}
    for row, codes in kept:
        found.setdefault(root(codes[0]), []).append(row)
    return found


def _codes(row: Document) -> list[str]:
    """Return the codes of `row` with their systems; the index has each without one, too."""
    return [code for code in row["c"] if len(split(code, "|")) > 1]


def _by_text(context: Context, condition: Condition) -> Groups:
    """Return the observations without any code by their text, which no code can be equal to."""
    part = Part(_TYPE, (condition, {"c": None}))
    found: Groups = {}
    for _, row in context.resources.union([part], ("raw", "ds"), letters="s"):
        text = orjson.loads(row.pop("raw")).get("code", {}).get("text", "")
        found.setdefault(f"text:{text}", []).append(row)
    return found


def _newest_first(context: Context, chosen: Sequence[Document]) -> Iterator[Document]:
    """Yield those `chosen` as they are now, the newest first. Raises TooCostly."""
    part = Part(_TYPE, ({"_id": {"$in": [row["_id"] for row in chosen]}},))
    found: list[Document] = []
    size = 0
    for _, row in context.resources.union([part], (*following.FIELDS, "ds"), letters="s"):
        found.append(row)
        size += len(row["raw"])
        if size > PAGE_BYTES:
            raise TooCostly.because("lastn-too-many", limit=len(found))
    found.sort(key=lambda row: row["_id"])
    yield from sorted(found, key=lateness, reverse=True)


def _condition(context: Context, criteria: Sequence[tuple[str, str]]) -> Condition:
    """Return the condition of what is asked for. Raises BadRequest, TooCostly, Forbidden."""
    unfit = [name for name, _ in criteria if re.split("[.:]", name)[0] in _OF_RESULTS]
    if unfit:
        raise BadRequest.because("parameter-unknown-here", name=unfit[0][:40])
    names = [re.split("[.:]", name) for name, value in criteria if value]
    named = [base for base, *rest in names if not set(rest) & set(_NO_VALUE)]
    if not any(name in _SUBJECTS for name in named):
        raise BadRequest.because("lastn-without-subject")
    if not any(name == "category" or "code" in name.split("-") for name in named):
        raise BadRequest.because("lastn-without-code")
    queries = context.interpreters.queries
    query = queries.compile(_TYPE, criteria, sight=context.sight)
    return queries.exact(query, Patience(context.resources))


def _count(arguments: Arguments) -> int:
    """Return how many of each code are asked for. Raises BadRequest if that is no number."""
    text = arguments.text("max")
    if text is None:
        return 1
    number: Any = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= number <= _LARGEST:
        raise BadRequest.because("lastn-max-malformed", value=text[:40])
    return int(number)
