"""One row of a file, whatever the file is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from server.fhir.outcome import Unprocessable
from server.mappings.faults import RowFault

_RULE, _VALUE, _AS_IT_WAS = "_rule", "_value", "_as_it_was"
REJECT_COLUMNS = ("_row", "_element", "_de", _RULE, _VALUE, "_message", _AS_IT_WAS)
"""What a file of rejects has beside what it was made of; no data when it is read."""
MOST_HEADERS = 5000
UNNAMED = " "
"""The header of a column that has none, and that is none of those."""
_UNCHANGED = "as-it-was"
_LOST = "\ufffd"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its `number` in the file, counted from 1, its cells under the headers.

    `faults` are what is wrong with it before it is known what its cells mean. A `line` is what it
    was in a file of lines that are JSON, and a `resource` what it has instead of cells. One that is
    a `document` is to be read from there.
    """

    number: int
    header: tuple[str, ...]
    cells: tuple[str, ...]
    faults: tuple[RowFault, ...] = ()
    line: bytes | None = None
    resource: bytes | None = None
    document: Path | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """The headers of a table by column (`names`), empty for what a file of rejects has beside.

    Where that stands is in `told`, by its name.
    """

    names: tuple[str, ...]
    told: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of `rows`; its `header`, None if each row has headers of its own."""

    header: tuple[str, ...] | None
    rows: Iterator[Row]


def unreadable(message: str, value: str = "", **arguments: object) -> RowFault:
    """Return the fault of a row that cannot be read, by the key of its `message`."""
    said = {"value": value[:40], **arguments}
    return RowFault("", "", value[:200], message, said)


def rule(fault: RowFault) -> str:
    """Return the name of the rule that a row breaks: ``length``, ``domain``, ``quote-open``."""
    return fault.rule.removeprefix("intake-")


def digest(cells: Iterable[tuple[str, str]]) -> str:
    """Return what tells whether a row, of headers and cells, is the same, but for white space."""
    told = sorted((name, " ".join(cell.split())) for name, cell in cells if cell.strip())
    return f"sha256:{sha256(repr(told).encode()).hexdigest()[:24]}"


def unchanged(told: Mapping[str, str], cells: Iterable[tuple[str, str]]) -> tuple[RowFault, ...]:
    """Return the fault of a row that could not be read, and comes back as it was given out.

    What a file of rejects has `told` of it says so, by the names of its columns.
    """
    was = told.get(_AS_IT_WAS, "").strip()
    if not was or was != digest(cells):
        return ()
    rule = told.get(_RULE, "")
    broken = told.get(_VALUE, "") if rule == _UNCHANGED else rule
    return (unreadable("intake-as-it-was", broken, rule=broken[:40]),)


def heading(cells: Sequence[str]) -> Heading:
    """Return the headers that `cells` are.

    Raises Unprocessable if there are more than any data set could have.
    """
    if len(cells) > MOST_HEADERS:
        raise Unprocessable.because("intake-headers-too-many", most=MOST_HEADERS)
    names = [cell.strip() for cell in cells]
    told = {name: place for place, name in enumerate(names) if name in REJECT_COLUMNS}
    return Heading(tuple("" if name in REJECT_COLUMNS else name or UNNAMED for name in names), told)


def row(number: int, heading: Heading, cells: Sequence[str], *faults: RowFault) -> Row:
    """Return the row of `cells`, with the fault that it is half a row, or that it cannot be read.

    Empty cells beyond the last header are nothing.
    """
    given, names = list(cells), heading.names
    while len(given) > len(names) and not given[-1].strip():
        given.pop()
    if not faults and len(given) != len(names):
        faults = (unreadable("intake-cells", count=len(given), expected=len(names)),)
    return Row(number, names, tuple(given), faults or _faults(heading, given))


def _faults(heading: Heading, cells: Sequence[str]) -> tuple[RowFault, ...]:
    """Return what is wrong with `cells`, one for each header, whatever they mean."""
    named = list(zip(heading.names, cells, strict=True))
    told = {name: cells[place] for name, place in heading.told.items()}
    if faults := unchanged(told, [one for one in named if one[0]]):
        return faults
    if any("\0" in cell for cell in cells):
        return (unreadable("intake-nul"),)
    if any(is_lost(cell) for name, cell in named if name):
        return (unreadable("intake-character-lost"),)
    for place, (name, cell) in enumerate(named, 1):
        if name == UNNAMED and cell.strip():
            return (unreadable("intake-header-missing", cell, column=place),)
    return ()


def is_lost(text: str) -> bool:
    """Tell whether a character of `text` was lost when somebody read it in a wrong encoding."""
    return _LOST in text
