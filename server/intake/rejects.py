"""Rows that were not taken, as they were, with what is wrong with them.

Such a file can be put right and imported again: what is told beside the rows is passed over. One
that could not be read is refused again as long as it is as it was given out, for what is here of it
may be half of it. A table comes back as CSV, records as NDJSON.

Spec: https://www.rfc-editor.org/rfc/rfc4180, https://hl7.org/fhir/R4/nd-json.html
"""

import csv
import io
from collections.abc import Iterable, Sequence

from server.fhir import json
from server.fhir.messages import Language, text
from server.fhir.outcome import BadRequest
from server.intake import properties
from server.intake.made import Made, errors
from server.intake.rows import REJECT_COLUMNS, Row, digest, rule
from server.mappings.faults import RowFault

_BETWEEN = "；"
_MARK = "\ufeff".encode()


def header(columns: Sequence[str]) -> bytes:
    """Return the first line of a file of rejects whose rows had the headers `columns`.

    It begins with the mark by which spreadsheet programs know UTF-8.
    """
    return _MARK + _line([*columns, *REJECT_COLUMNS])


def file_name(content: bytes) -> str:
    """Return what a file of rejects that begins with `content` is called."""
    return "rejects.csv" if content.startswith(_MARK) else "rejects.ndjson"


def written(rejects: Iterable[Made], language: Language) -> bytes:
    """Return the lines of `rejects`."""
    return b"".join(_reject(one, language) for one in rejects)


def _reject(one: Made, language: Language) -> bytes:
    row, faults = one.row, errors(one.faults)
    if row.line is not None:
        return _in_json(row, _told(row.number, faults, language))
    cells = [*row.cells, *[""] * (len(row.header) - len(row.cells))]
    # What a row has too many of stands in its last column.
    last = len(row.header) - 1
    if len(cells) > len(row.header):
        cells = [*cells[:last], ",".join(cells[last:])]
    kept = [(name, cell) for cell, name in zip(cells, row.header, strict=True) if name]
    as_it_was = digest(kept) if row.faults else ""
    return _line([*(cell for _, cell in kept), *_told(row.number, faults, language), as_it_was])


def _told(number: int, faults: Sequence[RowFault], language: Language) -> list[str]:
    """Return what stands beside a row; how it was is for those that could not be read alone."""
    return [
        str(number),
        _BETWEEN.join(dict.fromkeys(one.element for one in faults)),
        _BETWEEN.join(dict.fromkeys(one.de for one in faults)),
        _BETWEEN.join(rule(one) for one in faults),
        _BETWEEN.join(one.value for one in faults),
        " ".join(text(one.message, language, one.arguments) for one in faults),
    ]


def _in_json(row: Row, texts: Sequence[str]) -> bytes:
    """Return the line of `row` with what is told of it; one that is no object stands as a text."""
    line = (row.line or b"").strip()
    told = dict(zip(REJECT_COLUMNS, texts, strict=False))
    if not _is_object(line):
        return json.dumps({"_text": line.decode("utf-8", "replace"), **told}) + b"\n"
    if row.faults:
        told[REJECT_COLUMNS[-1]] = digest(properties.spellings(line))
    begun = properties.own(line)[:-1].rstrip()
    between = b"" if begun.endswith(b"{") else b","
    return begun + between + json.dumps(told)[1:] + b"\n"


def _is_object(line: bytes) -> bool:
    try:
        return properties.found(line) is not None
    except BadRequest:
        return False


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "replace")
