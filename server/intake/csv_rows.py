"""Rows of CSV. A quote that is never closed costs the line it stands in, not the rest of the file.

Spec: https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import IO

from server.fhir.outcome import Unprocessable
from server.intake import rows
from server.intake.rows import Heading, Row, Sheet, unreadable
from server.intake.texts import Line, lines

_DIVIDERS = ",\t;|"
_SAID = re.compile(r'"?sep=([^"\r\n])"?\s*', re.IGNORECASE).fullmatch
"""What Excel writes before the headers, if what divides cells is not what it would expect."""
_MOST_LINES = 1000
_MOST_CHARACTERS = 1_000_000
_WORDS = {"field limit": "intake-cell-too-long", "new-line character": "intake-line-end"}


class _StillOpen(Exception):
    """A quote goes on for longer than any cell does."""


class _Feed:
    """Gives lines to a reader of CSV, and takes back what it should not have had."""

    def __init__(self, all: Iterator[Line]) -> None:
        self._lines = all
        self._back: deque[Line] = deque()
        self.taken: list[Line] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        is_first = not self.taken
        if len(self.taken) >= _MOST_LINES or self._size > _MOST_CHARACTERS:
            raise _StillOpen
        line = self._back.popleft() if self._back else next(self._lines, None)
        if line is None:
            raise StopIteration if is_first else _StillOpen
        self.taken.append(line)
        self._size += len(line.text)
        return line.text

    def begin(self) -> None:
        """Begin a row: what was taken before is not taken back any more."""
        self.taken.clear()
        self._size = 0

    def header(self) -> str:
        """Return the first line that has a text. Raises Unprocessable if there is none."""
        for line in self._lines:
            if line.fault is not None:
                raise Unprocessable(line.fault.issue())
            if line.text.strip(" ,;|\t\r\n"):
                return line.text
        raise Unprocessable.because("intake-empty")

    def first_alone(self) -> Line:
        """Return the first line of this row, and take back the others."""
        self._back.extendleft(reversed(self.taken[1:]))
        return self.taken[0]


def read(stream: IO[bytes], encoding: str | None = None) -> Sheet:
    """Return the rows of `stream`; the first that has a text has the headers.

    Raises Unprocessable if there is none, or it cannot be read.
    """
    feed = _Feed(lines(stream, encoding))
    first = feed.header()
    if "\r" in first.rstrip("\r\n"):
        raise Unprocessable.because("intake-line-end")
    said = _SAID(first)
    divider = max(_DIVIDERS, key=first.count) if said is None else said[1]
    first = first if said is None else feed.header()
    try:
        heading = rows.heading(next(csv.reader([first], delimiter=divider, strict=True)))
    except csv.Error:
        raise Unprocessable.because("intake-header-broken") from None
    return Sheet(heading.names, _rows(feed, heading, divider))


def _rows(feed: _Feed, heading: Heading, divider: str) -> Iterator[Row]:
    reader = csv.reader(feed, delimiter=divider, strict=True)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_StillOpen, csv.Error) as error:
            line = feed.first_alone()
            told = unreadable(_message(error))
            as_it_is = line.text.rstrip("\r\n").split(divider)
            yield Row(line.number, heading.names, tuple(as_it_is), (line.fault or told,))
            reader = csv.reader(feed, delimiter=divider, strict=True)
            continue
        faults = [line.fault for line in feed.taken if line.fault is not None]
        if faults or any(cell.strip() for cell in cells):
            yield rows.row(feed.taken[0].number, heading, cells, *faults)


def _message(error: Exception) -> str:
    if isinstance(error, _StillOpen):
        return "intake-quote-open"
    # The module tells what is wrong by its words alone.
    for words, message in _WORDS.items():
        if words in str(error):
            return message
    return "intake-quote-broken"
