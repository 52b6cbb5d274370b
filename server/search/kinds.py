"""The kinds of search parameters: for each, how values are indexed and how they are searched.

A new kind is one module with `extract` and `condition`, and one line here.

Spec: https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.search import date, number, quantity, reference, string, token, uri
from server.search.conditions import Condition
from server.search.parameter import Asked, Environment, Extract, Parameter


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind; `condition` takes an escaped value."""

    extract: Callable[[Parameter, str, Environment], Extract | None]
    condition: Callable[[Parameter, str, Environment, Asked], Condition]


def _timeless(
    condition: Callable[[Parameter, str, Environment], Condition],
) -> Callable[[Parameter, str, Environment, Asked], Condition]:
    return lambda parameter, text, environment, _asked: condition(parameter, text, environment)


KINDS: Mapping[str, Kind] = {
    "token": Kind(token.extract, _timeless(token.condition)),
    "string": Kind(string.extract, _timeless(string.condition)),
    "reference": Kind(reference.extract, _timeless(reference.condition)),
    "date": Kind(date.extract, date.condition),
    "number": Kind(number.extract, _timeless(number.condition)),
    "quantity": Kind(quantity.extract, _timeless(quantity.condition)),
    "uri": Kind(uri.extract, _timeless(uri.condition)),
}
