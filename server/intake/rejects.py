"""Rows that were not taken, as they were, with what is wrong with them.

Such a file can be put right and imported again: what is told beside the rows is passed over. A
table comes back as CSV, records as NDJSON.

Spec: https://www.rfc-editor.org/rfc/rfc4180, https://hl7.org/fhir/R4/nd-json.html
"""

import csv
import io
from collections.abc import Iterable, Sequence

from server.fhir import json
from server.fhir.messages import Language, text
from server.intake.made import Made, errors
from server.intake.rows import REJECT_COLUMNS, rule
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
    faults = errors(one.faults)
    told = _told(one.row.number, faults, language)
    row = one.row
    if row.line is not None:
        return _in_json(row.line, dict(zip(REJECT_COLUMNS, told, strict=True)))
    cells = [*row.cells, *[""] * (len(row.header) - len(row.cells))]
    # What a row has too many of stands in its last column.
    last = len(row.header) - 1
    if len(cells) > len(row.header):
        cells = [*cells[:last], ",".join(cells[last:])]
    kept = [cell for cell, name in zip(cells, row.header, strict=True) if name]
    return _line([*kept, *told])


def _told(number: int, faults: Sequence[RowFault], language: Language) -> list[str]:
    return [
        str(number),
        _BETWEEN.join(dict.fromkeys(one.element for one in faults)),
        _BETWEEN.join(dict.fromkeys(one.de for one in faults)),
        _BETWEEN.join(rule(one) for one in faults),
        _BETWEEN.join(one.value for one in faults),
        " ".join(text(one.message, language, one.arguments) for one in faults),
    ]


def _in_json(line: bytes, told: dict[str, str]) -> bytes:
    """Return `line` with what is `told` of it; one that is no object stands as a text."""
    inner = line.strip()
    if inner.startswith(b"{") and inner.endswith(b"}") and _is_json(inner):
        begun = inner[:-1].rstrip()
        between = b"" if begun.endswith(b"{") else b","
        return begun + between + json.dumps(told)[1:] + b"\n"
    return json.dumps({"_text": inner.decode("utf-8", "replace"), **told}) + b"\n"


def _is_json(line: bytes) -> bool:
    try:
        json.spelled(line)
    except (ValueError, RecursionError):
        return False
    return True


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "replace")
