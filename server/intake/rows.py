"""One row of a file, whatever the file is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.fhir.outcome import Unprocessable
from server.mappings.faults import RowFault

REJECT_COLUMNS = ("_row", "_element", "_de", "_rule", "_value", "_message")
"""What a file of rejects has beside what it was made of; passed over when it is read."""
_MOST_HEADERS = 5000


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


def header(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the headers that `cells` are, without those that a file of rejects has beside.

    Raises Unprocessable if there are more than any data set could have.
    """
    if len(cells) > _MOST_HEADERS:
        raise Unprocessable.because("intake-headers-too-many", most=_MOST_HEADERS)
    return tuple("" if cell.strip() in REJECT_COLUMNS else cell.strip() for cell in cells)


def row(number: int, header: tuple[str, ...], cells: Sequence[str], *faults: RowFault) -> Row:
    """Return the row of `cells`, with the fault that they are not as many as the headers.

    Empty cells beyond the last header are nothing.
    """
    given = list(cells)
    while len(given) > len(header) and not given[-1].strip():
        given.pop()
    if not faults and len(given) != len(header):
        faults = (unreadable("intake-cells", count=len(given), expected=len(header)),)
    if not faults and any("\0" in cell for cell in given):
        faults = (unreadable("intake-nul"),)
    return Row(number, header, tuple(given), faults)
