"""The tables of a data set, as they stand in ``mappings/<DataSet>/*.toml``.

``[dataset]`` says what it is, ``[[row]]`` has one data element, ``[[node]]`` what stands around
values in the tree, ``[[shape]]`` such a node for many rows, ``[[include]]`` nodes that several data
sets share, ``[[every]]`` what all resources of a type share, ``[[gather]]`` where the references to
all of a type stand. A key that is not known is refused, so that a slip does not go unseen.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from server.mappings.formats import Format, parsed

Json = Mapping[str, Any]
Part = TypeVar("Part")
STATUS = ("found", "recalled")


class WrongTableError(ValueError):
    """A table does not say what it should; told when the server starts."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a data set is: what it is called, the standard, and where its list was found.

    The tree of a row is one resource of the type `root`, if that is said. Rows that agree in the
    elements of `key` are of one thing, and need one of the elements `one_of`. What `is_part` tells
    but a part of a visit.
    """

    zh: str
    en: str
    standard: str
    source: str
    edition: str = "2011"
    root: str | None = None
    key: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """One data element: what its cells hold, and where that stands in the tree.

    `name` is its Chinese name, by which rows have it; `de`, `hdsd` and `aliases` are other headers.
    `domain` names the table of its codes, or `values` has them, where no table is published;
    `others` tells the `form` of codes that are taken beside them, and the `system` of those, if
    there is one.
    `options` are what its conversion asks for. Without `target` it is not kept, with `inverse` it
    is not given back, and that text says why. `needs` is an element without which it means
    nothing; `instead` has the targets of values that stand elsewhere, ``01 无`` for one.
    `cardinality` is the standard's; `required` is what a row is refused without.
    """

    name: str
    type: str
    format: str
    target: str
    status: str
    source: str = ""
    de: str = ""
    hdsd: str = ""
    aliases: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    convert: str = "string"
    shape: str = ""
    required: bool = False
    repeats: bool = False
    cardinality: str = "0..1"
    needs: str = ""
    also: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
    inverse: str = ""
    personal: bool = False
    options: Json = field(default_factory=dict)

    @property
    def parsed(self) -> Format:
        """Return what its format means."""
        return parsed(self.type, self.format)

    @property
    def headers(self) -> tuple[str, ...]:
        """Return all that a column of it may be called."""
        found = (self.name, self.de, self.hdsd, *self.aliases)
        return tuple(one for one in dict.fromkeys(found) if one)


@dataclass(frozen=True, slots=True)
class Node:
    """What stands `at` a path, once anything beneath it does.

    `fixed` is how it is found again, `added` is not. One that `repeats` is there for each value,
    its `position` counted from `first`. One `always` there needs no value. `finish` names what is
    done when all values are in their places.
    """

    at: str
    fixed: Json = field(default_factory=dict)
    added: Json = field(default_factory=dict)
    repeats: bool = False
    always: bool = False
    position: str = ""
    first: int = 1
    finish: str = ""


@dataclass(frozen=True, slots=True)
class ShapeOf:
    """A node for many rows: `fixed` and `added` are filled with what each row says of itself."""

    name: str
    fixed: Json = field(default_factory=dict)
    added: Json = field(default_factory=dict)
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    """What all resources of a `type` have: the value `of` an element, or else something."""

    type: str
    element: str
    of: str
    otherwise: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gather:
    """A list `at` a path, of references to all resources of a `type`."""

    at: str
    type: str


@dataclass(frozen=True, slots=True)
class Include:
    """The nodes in ``mappings/shared/<nodes>.toml``, whose paths go on from `at`."""

    nodes: str
    at: str


@dataclass(frozen=True, slots=True)
class Table:
    """All that the files of one data set say."""

    name: str
    head: Head
    elements: tuple[Element, ...]
    nodes: tuple[Node, ...]
    shapes: Mapping[str, ShapeOf]
    every: tuple[Every, ...]
    gather: tuple[Gather, ...]


def load(folder: Path) -> Table:
    """Return what the files in `folder` say. Raises WrongTableError."""
    said = [
        (file.name, tomllib.loads(file.read_text("utf-8")))
        for file in sorted(folder.glob("*.toml"))
    ]
    known = {"dataset", "row", "node", "shape", "include", "every", "gather"}
    for file, tables in said:
        if not tables.keys() <= known:
            raise WrongTableError(f"{file} of {folder.name} has {sorted(tables.keys() - known)}.")
    heads = [tables["dataset"] for _, tables in said if "dataset" in tables]
    head = _made(Head, heads[0], folder.name)
    shapes = [_made(ShapeOf, one, file) for file, one in _all(said, "shape")]
    own = [_made(Node, one, file) for file, one in _all(said, "node")]
    included = [_made(Include, one, file) for file, one in _all(said, "include")]
    shared = folder.parent / "shared"
    return Table(
        folder.name,
        head,
        tuple(_element(one, head, file) for file, one in _all(said, "row")),
        (*(node for one in included for node in _included(one, shared)), *own),
        {one.name: one for one in shapes},
        tuple(_made(Every, one, file) for file, one in _all(said, "every")),
        tuple(_made(Gather, one, file) for file, one in _all(said, "gather")),
    )


def _included(include: Include, folder: Path) -> Iterator[Node]:
    file = folder / f"{include.nodes}.toml"
    for one in tomllib.loads(file.read_text("utf-8"))["node"]:
        yield _made(Node, {**one, "at": f"{include.at}.{one['at']}"}, file.name)


def _all(said: Sequence[tuple[str, Json]], kind: str) -> Iterator[tuple[str, Json]]:
    for file, tables in said:
        for one in tables.get(kind, ()):
            yield file, one


_OPTIONS = frozenset(
    (
        "with",
        "unit",
        "map",
        "from",
        "loinc",
        "category",
        "profile",
        "true",
        "false",
        "default",
        "system",
        "above",
        "after",
    )
)


def _element(said: Json, head: Head, file: str) -> Element:
    options = {name: value for name, value in said.items() if name in _OPTIONS}
    rest = {name: value for name, value in said.items() if name not in _OPTIONS}
    rest.setdefault("source", head.source)
    domain = rest.get("domain", ())
    rest["domain"] = (domain,) if isinstance(domain, str) else tuple(domain)
    made = _made(Element, {**rest, "options": options}, file)
    if made.status not in STATUS:
        raise WrongTableError(f"{file}: {made.name} is neither {' nor '.join(STATUS)}.")
    if made.parsed.kind == "code" and not (made.domain or made.values):
        raise WrongTableError(f"{file}: {made.name} is a code, but of no table.")
    return made


def _made(kind: type[Part], said: Json, file: str) -> Part:
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    unknown = said.keys() - known
    needed = [
        name
        for name, one in known.items()
        if one.default is MISSING and one.default_factory is MISSING and name not in said
    ]
    if unknown or needed:
        called = said.get("name") or said.get("at") or kind.__name__
        raise WrongTableError(f"{file}: {called}: unknown {sorted(unknown)}, missing {needed}.")
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in said.items()})
