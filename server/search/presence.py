"""The modifier ``:missing``: whether a resource has any value of a parameter.

Spec: https://hl7.org/fhir/R4/search.html#missing
"""

from collections.abc import Iterator

from server.fhir.outcome import BadRequest
from server.search.conditions import NOTHING, Condition
from server.search.parameter import Parameter
from server.search.values import shown

_NEVER_MISSING = frozenset({"_id", "_lastUpdated"})


def missing(parameter: Parameter, value: str) -> Condition:
    """Return the condition that `parameter` has no value if `value` is ``true``, else that it has.

    Raises BadRequest if `value` is neither ``true`` nor ``false``.
    """
    if value not in ("true", "false"):
        raise BadRequest.because(
            "search-missing-invalid", parameter=parameter.code, value=shown(value)
        )
    if parameter.code in _NEVER_MISSING:
        return NOTHING if value == "true" else {}
    codes = list(dict.fromkeys(_noted(parameter)))
    return {"has": {"$nin" if value == "true" else "$in": codes}}


def _noted(parameter: Parameter) -> Iterator[str]:
    """Yield the codes one of which is noted of a resource if it has a value of `parameter`."""
    if all(source.narrowed is None for source in parameter.sources) and parameter.sources:
        for source in parameter.sources:
            yield from _noted(source)
    else:
        yield parameter.code
