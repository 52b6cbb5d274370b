"""The steps that a compiled expression takes through a resource.

A step goes from the nodes found so far to the next ones; `root` is the resource they are in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any
"""What JSON can hold."""
Resource = dict[str, Any]
Nodes = Sequence[Json]
Step = Callable[[Nodes, Resource], Nodes]
ValuesOf = Callable[[Json, Resource], Nodes]


@dataclass(frozen=True, slots=True)
class Key:
    """The step into the element `name`, which is a list if there can be `many`."""

    name: str
    many: bool

    def __call__(self, nodes: Nodes, _root: Resource) -> Nodes:
        """Return what the nodes hold under the name; an item that is null has only extensions."""
        name = self.name
        if self.many:
            return [item for node in nodes for item in node.get(name, ()) if item is not None]
        return [value for node in nodes if (value := node.get(name)) is not None]


def key(name: str, *, many: bool) -> Step:
    """Return the step into the element `name`."""
    return Key(name, many)


def compose(steps: tuple[Step, ...]) -> ValuesOf:
    """Return the function that takes all `steps` from one node.

    Most expressions are a first element that most resources lack: that is asked first, and a
    path of one element takes no further call.
    """
    match steps:
        case ():
            return lambda node, _root: (node,)
        case (Key(name, many=False),):
            return lambda node, _root: () if (value := node.get(name)) is None else (value,)
        case (Key(name, many=True),):
            return lambda node, _root: [item for item in node.get(name, ()) if item is not None]
        case (Key(name), second):
            return _two(name, steps[0], second)
        case (Key(name), *_):
            return _several(name, steps)
    return _any(steps)


def _two(name: str, first: Step, second: Step) -> ValuesOf:
    def values(node: Json, root: Resource) -> Nodes:
        return second(first((node,), root), root) if name in node else ()

    return values


def _several(name: str, steps: tuple[Step, ...]) -> ValuesOf:
    walk = _any(steps)

    def values(node: Json, root: Resource) -> Nodes:
        return walk(node, root) if name in node else ()

    return values


def _any(steps: tuple[Step, ...]) -> ValuesOf:
    def values(node: Json, root: Resource) -> Nodes:
        nodes: Nodes = (node,)
        for step in steps:
            nodes = step(nodes, root)
            if not nodes:
                return ()
        return nodes

    return values
