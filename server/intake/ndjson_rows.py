"""Rows of NDJSON: a resource in each line, or an object whose properties are the headers.

In a file of rejects, the property ``_text`` stands for a line that was no JSON.

Spec: https://hl7.org/fhir/R4/nd-json.html
"""

from dataclasses import replace
from itertools import chain
from typing import IO, Any

import msgspec
import orjson

from server.fhir.json import spelled
from server.fhir.outcome import Unprocessable
from server.intake import rows
from server.intake.rows import REJECT_COLUMNS, Row, Sheet, unreadable
from server.intake.texts import Line, lines

_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read(stream: IO[bytes], encoding: str | None = None) -> Sheet:
    """Return the rows of `stream`. Raises Unprocessable if it has none."""
    found = (_row(line) for line in lines(stream, encoding) if line.text.strip())
    first = next(found, None)
    if first is None:
        raise Unprocessable.because("intake-empty")
    return Sheet(None, chain([first], found))


def _row(line: Line) -> Row:
    text = line.text.strip()
    row = Row(line.number, (), (), line=text.encode("utf-8", "replace"))
    if line.fault is not None:
        return replace(row, faults=(line.fault,))
    found = _object(text)
    if found is None:
        return replace(row, faults=(unreadable("intake-json", text),))
    match found:
        case {"_text": str(inner)}:
            return _row(Line(line.number, inner))
        case {"resourceType": _}:
            return replace(row, resource=_without_rejection(row.line or b"", found))
    texts = {name: _cell(value) for name, value in found.items() if name not in REJECT_COLUMNS}
    wrong = [name for name, value in texts.items() if value is None]
    if wrong:
        return replace(row, faults=(unreadable("intake-json-cell", wrong[0]),))
    cells = tuple(value or "" for value in texts.values())
    return replace(rows.row(line.number, rows.header(tuple(texts)), cells), line=row.line)


def _object(text: str) -> dict[str, Any] | None:
    """Return the JSON object in `text`, numbers as text; None if it is none."""
    try:
        orjson.loads(text)
        found = spelled(text.encode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _without_rejection(line: bytes, found: dict[str, object]) -> bytes:
    """Return the resource in `line` without what a file of rejects has told of it."""
    if not found.keys() & set(REJECT_COLUMNS):
        return line
    kept = _PROPERTIES.decode(line)
    return msgspec.json.encode({name: kept[name] for name in kept if name not in REJECT_COLUMNS})


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
