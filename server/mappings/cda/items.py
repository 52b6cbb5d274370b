"""Which values of a document go together: the name and the code of one diagnosis.

What stands in one organizer, procedure or medicine is one item. Values beside each other are items
only where their order tells: each item begins with the element that the first begins with. What may
as well belong to another item is not guessed, but told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from xml.etree.ElementTree import Element as Node

from server.mappings.cda.tables import Row

_CLUSTERS = ("organizer", "procedure", "substanceAdministration")
Path = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the element `name`. A value without text is there, but says nothing.

    `path` has all that it stands in, from the outside, and `clusters` those of it in which all is
    one item. `section` tells sections apart, and is 0 in the header.
    """

    name: str
    text: str
    row: Row
    path: Path = ()
    clusters: Path = ()
    section: int = 0
    unit: str = ""
    display: str = ""


def is_cluster(node: Node) -> bool:
    """Tell whether what stands in `node` goes together."""
    return node.tag in _CLUSTERS or node.get("classCode") == "CLUSTER"


@dataclass(slots=True, eq=False)
class Item:
    """Values that go together; `strays` are those that may belong elsewhere."""

    values: list[Value]
    strays: list[Value] = field(default_factory=list)
    said: dict[str, str] = field(init=False)
    beside: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Sort what the values say: what is `beside` counts only if no element says it."""
        self.said = {one.name: one.text for one in self.values}
        self.beside = beside(self.values)

    def text(self, name: str) -> str:
        """Return the value of `name`, empty if there is none."""
        return self.said.get(name) or self.beside.get(name, "")


Heads = Callable[[Sequence[Value]], frozenset[str]]
"""Which elements the others of some values need: an item has one, and may have no more."""


def beside(values: Sequence[Value]) -> dict[str, str]:
    """Return the units and names that `values` have with them, by the elements for them."""
    found: dict[str, str] = {}
    for one in values:
        if one.row.unit_to and one.unit:
            found[one.row.unit_to] = one.unit
        if one.row.display_to and one.text:
            found[one.row.display_to] = one.display or one.text
    return found


def items(values: Sequence[Value], heads: Heads, depth: int = 0) -> Iterator[Item]:
    """Yield the items that `values` are, which stand in `depth` clusters."""
    blocks = list(_blocks(values, depth))
    direct = [block for is_inner, block in blocks if not is_inner]
    if depth and direct and _are_unlike(values):
        yield Item(list(values))
    elif depth and direct and len(direct) < len(blocks):
        yield Item(list(values), [values[-1]])
    else:
        for is_inner, block in blocks:
            yield from (
                items(block, heads, depth + 1) if is_inner else _in_a_row(block, heads, depth)
            )


def _blocks(values: Sequence[Value], depth: int) -> Iterator[tuple[bool, list[Value]]]:
    """Yield what stands in each cluster, and what stands beside each other between them."""
    found: list[tuple[bool, list[Value]]] = []
    inner: dict[Node, list[Value]] = {}
    for one in values:
        around = one.clusters[depth : depth + 1]
        if around and around[0] in inner:
            inner[around[0]].append(one)
        elif around or not found or found[-1][0]:
            found.append((bool(around), [one]))
            inner |= dict.fromkeys(around, found[-1][1])
        else:
            found[-1][1].append(one)
    yield from found


def _in_a_row(values: list[Value], heads: Heads, depth: int) -> Iterator[Item]:
    """Yield the items of values that stand beside each other."""
    atoms = list(_atoms(values, depth))
    if _are_unlike(values):
        yield Item(values)
        return
    if all(_names(one) & _names(other) for one, other in pairwise(atoms)):
        yield from map(Item, atoms)
        return
    lead = atoms[0][0].name
    found = [_with_strays(one) for one in _begun(atoms, lead)]
    odd = next((one for one in found if one.said.keys() != found[0].said.keys()), None)
    if odd is not None and lead not in heads(values):
        odd.strays.append(odd.values[0])
    yield from found


def _begun(atoms: Sequence[list[Value]], lead: str) -> list[list[Value]]:
    """Return the values of `atoms` in parts that begin where the element `lead` comes."""
    found: list[list[Value]] = []
    for atom in atoms:
        if not found or lead in _names(atom):
            found.append([])
        found[-1] += atom
    return found


def _with_strays(values: list[Value]) -> Item:
    seen: set[str] = set()
    strays: list[Value] = []
    for one in values:
        if one.name in seen:
            strays.append(one)
        seen.add(one.name)
    return Item(values, strays)


def _atoms(values: Sequence[Value], depth: int) -> Iterator[list[Value]]:
    """Yield the values of each entry or component, which stay together if they can."""
    found: dict[int, list[Value]] = {}
    for one in values:
        inner = one.path.index(one.clusters[depth - 1]) + 1 if depth else 0
        own = one.path[inner:] or one.path[-1:] or (one,)
        found.setdefault(id(own[0]), []).append(one)
    for atom in found.values():
        yield from [atom] if _are_unlike(atom) else ([one] for one in atom)


def _names(values: Sequence[Value]) -> set[str]:
    return {one.name for one in values}


def _are_unlike(values: Sequence[Value]) -> bool:
    return len(_names(values)) == len(values)
