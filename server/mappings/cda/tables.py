"""The tables of document types, as they stand in ``mappings/CDA/<code>.toml``.

``[document]`` says which type it is and which data set its rows are of, ``[[row]]`` where one
element stands, ``[[include]]`` rows that several types share. A key that is not known is refused,
so that a slip does not go unseen.

Spec: WS/T 500.1-53-2016 电子病历共享文档规范, WS/T 482-2016 卫生信息共享文档编制规范,
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from server.mappings.datasets import DataSet, DataSets
from server.mappings.tables import WrongTableError

Part = TypeVar("Part")
TYPES = ("ST", "CD", "PQ", "MO", "BL", "INT", "REAL", "TS", "AD", "TEL", "QTY", "ID")
STATUS = ("found", "recalled", "missing")


@dataclass(frozen=True, slots=True)
class Head:
    """A document type: its code, its template, and the data set that its elements are of.

    `status` says of where its standing in the XML is known: public templates, or memory.
    """

    code: str
    zh: str
    template: str
    standard: str
    dataset: str
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """One element of a document type.

    An element is an observation with the code `de` in the section with the LOINC code `section`.
    With `act` it is a part of each such act instead: ``procedure``, or a path from the root of the
    document where no section is named. Without both its `path` goes from the root; else from there.
    Of several with one code in a section, `display` tells which it is.

    `element` are names of elements of data sets; the first that the data set has is meant. A code
    is of one of `systems`, a quantity in `unit`. `unit_to` and `display_to` are elements for the
    unit and the name beside a value. `constant` stands for whatever is there. What is said once
    is said of `each` item of its section, or of the `only` one. `status` is found, recalled or
    missing, and a row without an element says in `note` why it is not kept.
    """

    name: str
    status: str
    type: str = "ST"
    path: tuple[str, ...] = ("value",)
    de: str = ""
    section: str = ""
    act: str = ""
    display: tuple[str, ...] = ()
    element: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    unit: str = ""
    unit_to: str = ""
    display_to: str = ""
    constant: str = ""
    each: bool = False
    only: bool = False
    note: str = ""

    @property
    def is_in_header(self) -> bool:
        """Tell whether it stands outside the sections."""
        return not self.section and not self.de


@dataclass(frozen=True, slots=True)
class Document:
    """A document type, its rows, and its data set.

    `by_de` has the rows by their code, `by_act` those of parts of acts in sections by the act;
    `sections` are the codes of all sections.
    """

    head: Head
    rows: tuple[Row, ...]
    dataset: DataSet
    by_de: Mapping[str, tuple[Row, ...]] = field(init=False)
    by_act: Mapping[str, tuple[Row, ...]] = field(init=False)
    sections: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Sort the rows by their code and act."""
        by_de: dict[str, tuple[Row, ...]] = {}
        by_act: dict[str, tuple[Row, ...]] = {}
        for row in self.rows:
            if row.de:
                by_de[row.de] = (*by_de.get(row.de, ()), row)
            if row.act and row.section:
                by_act[row.act] = (*by_act.get(row.act, ()), row)
        object.__setattr__(self, "by_de", by_de)
        object.__setattr__(self, "by_act", by_act)
        sections = frozenset(row.section for row in self.rows if row.section)
        object.__setattr__(self, "sections", sections)

    def meant(self, row: Row) -> str | None:
        """Return the name of the element of the data set that `row` is, None if it is not kept."""
        return next((one for one in row.element if one in self.dataset.elements), None)

    def keeps_postcode(self, row: Row) -> bool:
        """Tell whether another row is the postal code of the address that `row` is."""
        if row.type != "AD":
            return False
        wanted = {f"{path}/postalCode" for path in row.path}
        return any(wanted.intersection(other.path) for other in self.rows)

    def is_list(self, group: int) -> bool:
        """Tell whether the items of `group` have one value each, as those of a mere list."""
        kept = {self.meant(row) for row in self.rows} - {None}
        return sum(self.group(name) == group for name in kept if name is not None) == 1

    def group(self, element: str) -> int | None:
        """Return the number of the node that there is one of for each value of `element`."""
        if not self.dataset.elements[element].repeats:
            return None
        return self.dataset.made.layout.spots[element].place.repeating


def load(folder: Path, datasets: DataSets) -> tuple[Document, ...]:
    """Return the document types whose tables are in `folder`. Raises WrongTableError."""
    return tuple(_document(file, datasets) for file in sorted(folder.glob("*.toml")))


def _document(file: Path, datasets: DataSets) -> Document:
    said = tomllib.loads(file.read_text("utf-8"))
    if not said.keys() <= {"document", "row", "include"}:
        raise WrongTableError(f"{file.name} has {sorted(said)}.")
    head = _made(Head, said["document"], file.name)
    document = Document(head, tuple(_rows(said, file)), datasets.find(head.dataset))
    for row in document.rows:
        _check(document, row, file.name)
    return document


def _rows(said: Mapping[str, Any], file: Path) -> Iterator[Row]:
    for one in said.get("include", ()):
        shared = file.parent / "shared" / f"{one['rows']}.toml"
        for row in tomllib.loads(shared.read_text("utf-8"))["row"]:
            yield _made(Row, row, shared.name)
    for row in said.get("row", ()):
        yield _made(Row, row, file.name)


def _check(document: Document, row: Row, file: str) -> None:
    if row.status not in STATUS or row.type not in TYPES:
        raise WrongTableError(f"{file}: {row.name} has the status {row.status}, {row.type}.")
    beside = [one for one in (row.unit_to, row.display_to) if one]
    unknown = [one for one in beside if one not in document.dataset.elements]
    is_kept = document.meant(row) is not None
    if unknown or (not is_kept and not row.note and not row.element):
        raise WrongTableError(f"{file}: {row.name} has no element, or beside it none of {unknown}.")


def _made(kind: type[Part], said: Mapping[str, Any], file: str) -> Part:
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    unknown = said.keys() - known
    needed = [
        name for name, one in known.items() if one.default is MISSING and name not in said
        and one.default_factory is MISSING
    ]  # fmt: skip
    if unknown or needed:
        raise WrongTableError(f"{file}: {said}: unknown {sorted(unknown)}, missing {needed}.")
    many = {"path", "display", "element", "systems"}
    return kind(**{name: _tuple(one) if name in many else one for name, one in said.items()})


def _tuple(said: str | list[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)
