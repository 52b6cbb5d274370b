"""The functions that the invariants of R4 and of profiles call.

Spec: http://hl7.org/fhirpath/N1/#functions, https://hl7.org/fhir/R4/fhirpath.html#functions
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial

from server.profiles.invariants.comparing import key
from server.profiles.invariants.evaluation import Evaluate, Function, Scope
from server.profiles.invariants.items import NOTHING, Item, Items, is_true, truth

_LONGEST = 10_000
"""A longer text is matched by no pattern of R4's."""


def _holding(scope: Scope, found: Items, criterion: Evaluate) -> Items:
    return [item for item in found if is_true(criterion(scope, [item]))]


def _where(scope: Scope, found: Items, given: list[Evaluate], _start: Items) -> Items:
    return _holding(scope, found, given[0])


def _exists(scope: Scope, found: Items, given: list[Evaluate], _start: Items) -> Items:
    return truth(bool(_holding(scope, found, given[0]) if given else found))


def _all(scope: Scope, found: Items, given: list[Evaluate], _start: Items) -> Items:
    return truth(all(is_true(given[0](scope, [item])) for item in found))


def _select(scope: Scope, found: Items, given: list[Evaluate], _start: Items) -> Items:
    return [one for item in found for one in given[0](scope, [item])]


def _iif(scope: Scope, found: Items, given: list[Evaluate], _start: Items) -> Items:
    condition, then, *otherwise = given
    if is_true(condition(scope, found)):
        return then(scope, found)
    return otherwise[0](scope, found) if otherwise else NOTHING


def _combine(scope: Scope, found: Items, given: list[Evaluate], start: Items) -> Items:
    return [*found, *given[0](scope, start)]


def _intersect(scope: Scope, found: Items, given: list[Evaluate], start: Items) -> Items:
    others = {key(item) for item in given[0](scope, start)}
    return [*{key(item): item for item in found if key(item) in others}.values()]


def _resolve(scope: Scope, found: Items, _given: list[Evaluate], _start: Items) -> Items:
    """Return the contained resources that references point to; others are not looked for."""
    there = {
        f"#{item.value.get('id')}": item for item in scope.model.named(scope.root, "contained")
    }
    texts = (item.value.get("reference") for item in found if type(item.value) is dict)
    return [there[text] for text in texts if text in there]


def _is_distinct(found: Items) -> Items:
    return truth(len({key(item) for item in found}) == len(found))


def _has_value(found: Items) -> Items:
    return truth(
        len(found) == 1 and type(found[0].value) is not dict and found[0].value is not None
    )


def _not(found: Items) -> Items:
    told = is_true(found)
    return truth(None if told is None else not told)


def _to_integer(found: Items) -> Items:
    try:
        return [Item(int(item.value), "integer") for item in found]
    except (TypeError, ValueError):
        return NOTHING


def _to_string(found: Items) -> Items:
    return [Item(str(item.value), "string") for item in found]


def _extension(scope: Scope, found: Items, given: list[Evaluate], start: Items) -> Items:
    """Return the extensions of what is found, with the URL that is given."""
    there = [each for item in found for each in scope.model.named(item, "extension")]
    scope.spend(len(there) + 1)
    url = given[0](scope, start)
    return [one for one in there if url and one.value.get("url") == url[0].value]


def _cut(scope: Scope, found: Items, given: list[Evaluate], start: Items, *, skips: bool) -> Items:
    count = given[0](scope, start)
    if not count or type(count[0].value) is not int:
        return NOTHING
    end = max(count[0].value, 0)
    return found[end:] if skips else found[:end]


def _union(scope: Scope, found: Items, given: list[Evaluate], start: Items) -> Items:
    return [*{key(item): item for item in (*found, *given[0](scope, start))}.values()]


def _is_within(found: Items, others: Items) -> Items:
    keys = {key(item) for item in others}
    return truth(all(key(item) in keys for item in found))


def _plain(work: Callable[[Items], Items]) -> Function:
    """Return the function that looks at its input only."""
    return lambda _scope, found, _given, _start: work(found)


def _on_text(work: Callable[..., object]) -> Function:
    """Return the function that does `work` with one text and the values of its arguments."""

    def done(scope: Scope, found: Items, given: list[Evaluate], start: Items) -> Items:
        arguments = [one(scope, start) for one in given]
        if not found or type(found[0].value) is not str or not all(arguments):
            return NOTHING
        value = work(found[0].value, *(items[0].value for items in arguments))
        if isinstance(value, bool):
            return truth(value)
        return [Item(value, "integer" if isinstance(value, int) else "string")]

    return done


_pattern = cache(re.compile)


def _matches(text: str, pattern: str) -> bool:
    return len(text) <= _LONGEST and _pattern(pattern).fullmatch(text) is not None


def _replace_matches(text: str, pattern: str, by: str) -> str:
    return str(_pattern(pattern).sub(by, text[:_LONGEST]))


FUNCTIONS: Mapping[str, Function] = {
    "all": _all,
    "children": lambda scope, found, _given, _start: [
        child for item in found for child in scope.model.children(item)
    ],
    "combine": _combine,
    "allTrue": _plain(lambda found: truth(all(is_true([item]) for item in found))),
    "anyTrue": _plain(lambda found: truth(any(is_true([item]) for item in found))),
    "contains": _on_text(lambda text, part: part in text),
    "count": _plain(lambda found: [Item(len(found), "integer")]),
    "descendants": lambda scope, found, _given, _start: scope.descendants(found),
    "distinct": _plain(lambda found: [*{key(item): item for item in found}.values()]),
    "endsWith": _on_text(str.endswith),
    "extension": _extension,
    "empty": _plain(lambda found: truth(not found)),
    "exists": _exists,
    "first": _plain(lambda found: found[:1]),
    "hasValue": _plain(_has_value),
    "iif": _iif,
    "intersect": _intersect,
    "isDistinct": _plain(_is_distinct),
    "last": _plain(lambda found: found[-1:]),
    "length": _on_text(len),
    "lower": _on_text(str.lower),
    "matches": _on_text(_matches),
    "not": _plain(_not),
    "replaceMatches": _on_text(_replace_matches),
    "resolve": _resolve,
    "select": _select,
    "skip": partial(_cut, skips=True),
    "startsWith": _on_text(str.startswith),
    "subsetOf": lambda scope, found, given, start: _is_within(found, given[0](scope, start)),
    "substring": _on_text(lambda text, start: text[start:]),
    "supersetOf": lambda scope, found, given, start: _is_within(given[0](scope, start), found),
    "take": partial(_cut, skips=False),
    "tail": _plain(lambda found: found[1:]),
    "toInteger": _plain(_to_integer),
    "toString": _plain(_to_string),
    # What it would write down could be somebody's data.
    "trace": _plain(lambda found: found),
    "union": _union,
    "upper": _on_text(str.upper),
    "where": _where,
}
