"""What a caller cannot search or sort by: elements hidden from them, types they have no right to.

Who may ask whether a number begins with 1, then with 11, knows it in the end. What tells of
other resources again, a narrative, all words of a resource, what a reference says of its target,
is closed as soon as anything is hidden of a type that it can tell of.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from server.fhir.outcome import Forbidden
from server.search.plan import Plan
from server.search.values import shown

_OF_ALL_TEXT = ("_text", "_content")
_TELLING = frozenset({"Narrative.div", "Reference.display", "Reference.identifier"})
"""Elements that tell of other resources than the one that they are in."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be searched by: resources of `types`, None for all, but for `hidden` elements."""

    hidden: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    types: AbstractSet[str] | None = None


EVERYTHING = Sight()


def require_type(type: str, sight: Sight) -> None:
    """Raise Forbidden if nothing of `type` may be searched."""
    if sight.types is not None and type not in sight.types:
        raise Forbidden.because("letter-forbidden", letter="s", type=type)


def require_shown(plan: Plan, code: str, sight: Sight) -> None:
    """Raise Forbidden if the parameter `code` of the type of `plan` is about a hidden element."""
    if not is_shown(plan, code, sight):
        raise Forbidden.because("search-element-hidden", parameter=shown(code))


def require_numbers_shown(targets: Iterable[str], code: str, sight: Sight) -> None:
    """Raise Forbidden if the identifier of one of the types `targets` is hidden.

    References say it, too, and could be searched by it.
    """
    if any("identifier" in sight.hidden.get(type, ()) for type in targets):
        raise Forbidden.because("search-element-hidden", parameter=shown(code))


def is_shown(plan: Plan, code: str, sight: Sight) -> bool:
    """Tell whether the parameter `code` of the type of `plan` is about no hidden element."""
    if not sight.hidden:
        return True
    reads = {path for branch in plan.branches.get(code, ()) for path in branch.reads}
    if code in _OF_ALL_TEXT or not reads.isdisjoint(_TELLING):
        return sight.hidden.keys().isdisjoint({plan.type, *plan.mentions})
    hidden = sight.hidden.get(plan.type, frozenset())
    if hidden and code in plan.composites:
        return False
    return reads.isdisjoint(f"{plan.type}.{name}{end}" for name in hidden for end in ("", "[x]"))
