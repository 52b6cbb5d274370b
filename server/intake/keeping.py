"""A row of a whole visit in the place of what is known, with what no such row could say.

A discharge summary tells how an operation went, and who signed; a front page, which comes later or
once more, does not. What it could say is found out by what it would say of the visit as it is.

Spec: WS 445-2014; WS/T 500-2016, https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from server.intake.merging import ITEMS, KEYS, Tree, over, place_of, unknown

_OF_ANY = frozenset(("resourceType", "id", "meta", "implicitRules", "language", "text", "status"))


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a visit is kept: whole elements, and of items in lists what else they say.

    `is_told_by_others` tells that rows of other data sets, or systems, have told of the visit.
    """

    elements: Tree
    items: dict[str, list[tuple[Tree, Tree]]]
    is_told_by_others: bool

    @classmethod
    def of(
        cls, old: Tree, sayable: Tree, own: Collection[str], shared: Collection[str] = ()
    ) -> "Kept":
        """Return what of `old` no row of a data set could say, of which it could say `sayable`.

        `own` are the elements that such a row can have, `shared` those of them that others can tell
        as well: once they have, those are kept where the row does not say them.
        """
        elements = {name: value for name, value in old.items() if name not in own}
        found = {
            name: _left(name, old[name], sayable.get(name, ()))
            for name in ITEMS.keys() & old.keys() & set(own)
        }
        items = {name: left for name, left in found.items() if left}
        if not items and elements.keys() - sayable.keys() <= _OF_ANY:
            return cls(elements, items, is_told_by_others=False)
        more = {name: old[name] for name in old.keys() & set(shared) - ITEMS.keys()}
        if "contained" in old:
            items["contained"] = [(one, one) for one in old["contained"]]
        return cls({**elements, **more}, items, is_told_by_others=True)

    def over(self, old: Tree, new: Tree) -> Tree:
        """Return `new` in the place of `old`, in the order of that, with all that is kept."""
        found = {**self.elements, **new}
        for name, left in self.items.items():
            joined = _joined(name, new.get(name, ()), left)
            places = {id(one): place_of(name, one, old[name]) for one in joined}
            found[name] = sorted(joined, key=lambda one: _rank(places[id(one)], old[name]))
        return _in_order(old, found)


def _left(name: str, old: Iterable[Tree], sayable: Sequence[Tree]) -> list[tuple[Tree, Tree]]:
    """Return those items of `old` of which something cannot be said, each with that."""
    left = []
    for item in old:
        place = place_of(name, item, sayable)
        unsaid = item if place is None else _unsaid(item, sayable[place])
        if unsaid:
            left.append((item, unsaid))
    return left


def _unsaid(item: Tree, said: Tree) -> Tree:
    found = {name: value for name, value in item.items() if name not in said}
    for name in item.keys() & said.keys() & KEYS.keys():
        if isinstance(item[name], list) and (left := unknown(name, item[name], said[name])):
            found[name] = left
    return found


def _joined(name: str, new: Iterable[Tree], left: Iterable[tuple[Tree, Tree]]) -> list[Tree]:
    """Return the items `new` with what is `left` of each; what has none of them stays whole."""
    found = list(new)
    for item, unsaid in left:
        place = place_of(name, item, found)
        if place is None:
            found.append(item)
        else:
            found[place] = _like(item, over(unsaid, found[place]))
    return found


def _like(old: Tree, new: Tree) -> Tree:
    """Return `new` with all that `old` has in the order that it has there."""
    found = _in_order(old, new)
    for name in old.keys() & new.keys() & KEYS.keys():
        if isinstance(new[name], list):
            keys = [KEYS[name](one) for one in old[name]]
            key = KEYS[name]
            found[name] = sorted(
                new[name], key=lambda one: keys.index(key(one)) if key(one) in keys else len(keys)
            )
    return found


def _in_order(old: Tree, new: Tree) -> Tree:
    return {name: new[name] for name in (*old, *new) if name in new}


def _rank(place: int | None, items: Sequence[Tree]) -> int:
    return len(items) if place is None else place
