"""The kinds of search parameters: for each, how values are indexed and how they are searched.

A new kind is one module with `extract` and `condition`, and one line here.

Spec: https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from server.search import (
    date,
    hierarchy,
    near,
    number,
    quantity,
    reference,
    string,
    terminology,
    token,
    uri,
)
from server.search.conditions import Condition
from server.search.parameter import Asked, Environment, Extract, Parameter

Compare = Callable[[Parameter, str, Environment, Asked], Condition]
"""What gives the condition for one searched value, which is still escaped."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind; `modifiers` say how values are compared with a modifier, `condition` without."""

    extract: Callable[[Parameter, str, Environment], Extract | None]
    condition: Compare
    modifiers: Mapping[str, Compare] = field(default_factory=dict)


def _timeless(condition: Callable[[Parameter, str, Environment], Condition]) -> Compare:
    return lambda parameter, text, environment, _asked: condition(parameter, text, environment)


_STRING: Mapping[str, Compare] = {
    "exact": _timeless(string.exact),
    "contains": _timeless(string.contains),
}
_TOKEN: Mapping[str, Compare] = {
    "text": _timeless(token.text_starts),
    "of-type": _timeless(token.of_type),
    **terminology.MODIFIERS,
}
_URI: Mapping[str, Compare] = {"above": _timeless(uri.above), "below": _timeless(uri.below)}
_REFERENCE: Mapping[str, Compare] = {
    "identifier": _timeless(reference.identified),
    **hierarchy.MODIFIERS,
}

KINDS: Mapping[str, Kind] = {
    "token": Kind(token.extract, _timeless(token.condition), _TOKEN),
    "string": Kind(string.extract, _timeless(string.condition), _STRING),
    "reference": Kind(reference.extract, _timeless(reference.condition), _REFERENCE),
    "date": Kind(date.extract, date.condition),
    "number": Kind(number.extract, _timeless(number.condition)),
    "quantity": Kind(quantity.extract, _timeless(quantity.condition)),
    "uri": Kind(uri.extract, _timeless(uri.condition), _URI),
    "special": Kind(near.extract, _timeless(near.condition)),
}
