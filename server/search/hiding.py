"""Parameters that a caller cannot search or sort by, for they tell of elements hidden from them.

Who may ask whether a number begins with 1, then with 11, knows it in the end.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from server.access.policy import is_among
from server.fhir.outcome import Forbidden
from server.search.plan import Plan
from server.search.values import shown

Hidden = Mapping[str, AbstractSet[str]]
"""The elements that are hidden, by resource type."""
NONE_HIDDEN: Hidden = {}
_OF_ALL_TEXT = ("_text", "_content")


def require_shown(plan: Plan, code: str, hidden: Hidden) -> None:
    """Raise Forbidden if the parameter `code` of the type of `plan` is about a hidden element."""
    names = hidden.get(plan.type)
    if not names:
        return
    is_of_several = code in _OF_ALL_TEXT or code in plan.composites
    if is_of_several or any(is_among(one, names) for one in _elements(plan, code)):
        raise Forbidden.because("search-element-hidden", parameter=shown(code))


def _elements(plan: Plan, code: str) -> Iterator[str]:
    """Yield the top-level elements that the parameter `code` reads."""
    for branch in plan.branches.get(code, ()):
        parts = branch.path.split(".")
        if len(parts) > 1:
            yield parts[1].partition(":")[0].partition("[")[0]
