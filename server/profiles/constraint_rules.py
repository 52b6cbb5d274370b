"""The invariants of profiles.

They are evaluated as R4's own are. One that goes beyond that language, and one by which somebody
could make the server calculate without end, is told to be unread instead.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from server.profiles import fhirpath
from server.profiles.conformance import Rule, Run
from server.profiles.fhirpath import ExpressionError, Node
from server.profiles.invariants.evaluation import Evaluate, compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.profiles.invariants.items import Item, is_true
from server.profiles.steps import At

_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
_LONGEST = 4000
_MATCHING = frozenset({"matches", "replaceMatches"})
# A repeated group may be matched in more ways than can be tried; so may many repetitions in a row.
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{)")
_REPETITIONS = re.compile(r"[*+]|\{\d+,")
_MOST_REPETITIONS = 3
# What comes of asking for the root of a name, or of calling a function without its argument.
_SENSELESS = (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError)


def constraint_rule(constraint: Mapping[str, Any], *, is_trusted: bool) -> Rule:
    """Return the rule that `constraint`, an ``ElementDefinition.constraint``, holds.

    `is_trusted` tells that it comes with the server.
    """
    key, told = constraint["key"], {"key": constraint["key"], "said": _said(constraint)}
    severity, unread = constraint["severity"], _unread(key)
    try:
        evaluate = _read(constraint.get("expression", ""), is_trusted=is_trusted)
    except ExpressionError:
        return unread

    def check(item: Item, at: At, run: Run) -> None:
        scope = run.scope
        outside, scope.context = scope.context, item
        try:
            holds = is_true(evaluate(scope, [item]))
        except _SENSELESS:
            unread(item, at, run)
        else:
            if holds is False:
                run.tell("invariant", "profile-invariant", at, told, severity)
        finally:
            scope.context = outside

    return check


def _said(constraint: Mapping[str, Any]) -> dict[str, str]:
    """Return what `constraint` says in each language, the same in both if it is not translated."""
    said = str(constraint.get("human", ""))[:500]
    texts = {"zh": said, "en": said}
    for one in constraint.get("_human", {}).get("extension", ()):
        values = {each["url"]: next(iter(_values(each)), "") for each in one.get("extension", ())}
        language = str(values.get("lang", ""))[:2]
        if one.get("url") == _TRANSLATION and language in texts:
            texts[language] = str(values.get("content", said))[:500]
    return texts


def _values(extension: Mapping[str, Any]) -> Iterator[object]:
    return (value for key, value in extension.items() if key.startswith("value"))


def _unread(key: str) -> Rule:
    def check(_item: Item, at: At, run: Run) -> None:
        run.tell("not-supported", "profile-invariant-unread", at, {"key": key}, "warning")

    return check


def _read(expression: str, *, is_trusted: bool) -> Evaluate:
    if not expression or len(expression) > _LONGEST:
        message = "There is no expression, or too long a one."
        raise ExpressionError(message)
    if not is_trusted and not all(map(_is_harmless, _patterns(fhirpath.parse(expression)))):
        message = "A pattern could take too long."
        raise ExpressionError(message)
    return compiled(expression, FUNCTIONS)


def _is_harmless(pattern: Node) -> bool:
    if not isinstance(pattern, fhirpath.Literal) or not isinstance(pattern.value, str):
        return False
    text = pattern.value
    is_long = len(_REPETITIONS.findall(text)) > _MOST_REPETITIONS
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return not is_long and _REPEATED_GROUP.search(text) is None


def _patterns(node: Node) -> Iterator[Node]:
    """Yield the patterns that `node` matches texts against."""
    match node:
        case fhirpath.Call(source, name, arguments):
            if name in _MATCHING and arguments:
                yield arguments[0]
            for one in (*((source,) if source is not None else ()), *arguments):
                yield from _patterns(one)
        case fhirpath.Binary(_, left, right):
            yield from _patterns(left)
            yield from _patterns(right)
        case fhirpath.Member(source, _) | fhirpath.Index(source, _) | fhirpath.Typed(_, source, _):
            yield from _patterns(source)
