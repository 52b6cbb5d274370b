"""Rows of NDJSON: a resource in each line, or an object whose properties are the headers.

In a file of rejects, the property ``_text`` stands for a line that was no JSON.

Spec: https://hl7.org/fhir/R4/nd-json.html
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import IO, Any

from server.fhir.outcome import BadRequest, Unprocessable
from server.intake import properties, rows
from server.intake.encodings import UTF_8
from server.intake.rows import MOST_HEADERS, REJECT_COLUMNS, Row, Sheet, unreadable
from server.intake.texts import Line, lines
from server.mappings.faults import RowFault

_ESCAPED = "\\ufffd"


def read(stream: IO[bytes], encoding: str | None = None) -> Sheet:
    """Return the rows of `stream`. Raises Unprocessable if it has none."""
    found = (_row(line) for line in lines(stream, encoding, UTF_8) if line.text.strip())
    first = next(found, None)
    if first is None:
        raise Unprocessable.because("intake-empty")
    return Sheet(None, chain([first], found))


def _row(line: Line) -> Row:
    text = line.text.strip()
    row = Row(line.number, (), (), line=text.encode("utf-8", "replace"))
    if line.fault is not None:
        return replace(row, faults=(line.fault,))
    try:
        found = properties.found(text)
    except BadRequest as error:
        return replace(row, faults=_told(error))
    if found is None:
        return replace(row, faults=(unreadable("intake-json", text),))
    if isinstance(found.get("_text"), str):
        return _row(Line(line.number, found["_text"]))
    return replace(_of_object(line.number, text, found), line=row.line)


def _of_object(number: int, text: str, found: Mapping[str, Any]) -> Row:
    row = Row(number, (), ())
    if faults := _faults(text, found):
        return replace(row, faults=faults)
    if "resourceType" in found:
        return replace(row, resource=properties.own(text.encode()))
    return _of_cells(number, found)


def _faults(text: str, found: Mapping[str, Any]) -> tuple[RowFault, ...]:
    """Return what is wrong with a line, whatever its properties mean."""
    if rows.is_lost(text) or _ESCAPED in text.lower():
        return (unreadable("intake-character-lost"),)
    told = {name: str(value) for name, value in found.items() if name in REJECT_COLUMNS}
    return rows.unchanged(told, properties.spellings(text.encode())) if told else ()


def _of_cells(number: int, found: Mapping[str, Any]) -> Row:
    texts = {name: _cell(value) for name, value in found.items() if name not in REJECT_COLUMNS}
    row = Row(number, (), ())
    if len(texts) > MOST_HEADERS:
        return replace(row, faults=(unreadable("intake-headers-too-many", most=MOST_HEADERS),))
    wrong = [name for name, value in texts.items() if value is None]
    if wrong:
        return replace(row, faults=(unreadable("intake-json-cell", wrong[0]),))
    cells = tuple(value or "" for value in texts.values())
    return rows.row(number, rows.heading(tuple(texts)), cells)


def _told(error: BadRequest) -> tuple[RowFault, ...]:
    (issue,) = error.issues
    return (RowFault("", "", str(issue.arguments["name"]), issue.message, issue.arguments),)


def _cell(value: object) -> str | None:
    """Return the text of `value`, a number as it is spelled; None if it is no cell."""
    match value:
        case None:
            return ""
        case bool():
            return "T" if value else "F"
        case str():
            return value
    return None
