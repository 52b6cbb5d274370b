"""Tables of codes as files: CSV in UTF-8 or GB18030, xlsx, or a CodeSystem in FHIR JSON.

Columns are called as the file's first row does; those of the well-known tables need not be named.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import orjson
import python_calamine

from server.fhir.json import spelled
from server.fhir.outcome import Unprocessable
from server.terminology.concepts import properties
from server.terminology.loading import Row

_NAMES: Mapping[str, Sequence[str]] = {
    "code": (
        "code", "编码", "代码", "主要编码", "诊断编码", "诊断代码", "疾病编码", "疾病代码",
        "手术编码", "手术代码", "手术操作编码", "医保版编码", "LOINC_NUM",
    ),
    "display": (
        "display", "name", "名称", "疾病名称", "诊断名称", "手术名称", "手术操作名称", "医保版名称",
        "LONG_COMMON_NAME",
    ),
    "english": ("english", "英文名称"),
    "parent": ("parent", "上级编码", "上级代码"),
    "definition": ("definition", "说明"),
    "inactive": ("inactive", "停用"),
}  # fmt: skip
_PROPERTIES = (
    "附加编码", "COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS",
    "STATUS", "SHORTNAME",
)  # fmt: skip
"""Columns that are taken as properties under their own names."""
_YES = frozenset(("true", "1", "y", "yes", "是", "deprecated"))
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file calls its columns; None for one of the usual names."""

    code: str | None = None
    display: str | None = None
    english: str | None = None
    parent: str | None = None
    definition: str | None = None
    inactive: str | None = None
    properties: tuple[str, ...] = ()


def format_of(file: Path) -> str:
    """Return the format that the name of `file` tells: csv, xlsx or fhir."""
    name = file.name.removesuffix(".gz").lower()
    return {"xlsx": "xlsx", "json": "fhir"}.get(name.rpartition(".")[2], "csv")


def rows(file: Path, format: str, columns: Columns) -> Iterator[Row]:
    """Yield the rows of `file`. Raises Unprocessable if it is not of `format`, OSError."""
    if format == "fhir":
        yield from _of_resource(resource(file))
        return
    body = _content(file)
    lines = _of_xlsx(body) if format == "xlsx" else _of_csv(body)
    yield from _of_table(lines, columns)


def _content(file: Path) -> bytes:
    body = file.read_bytes()
    try:
        return gzip.decompress(body) if file.suffix == ".gz" else body
    except (OSError, EOFError, zlib.error):
        raise Unprocessable.because("load-not-of-format", format="gzip") from None


def resource(file: Path) -> Mapping[str, Any]:
    """Return the CodeSystem in `file`, numbers as text. Raises Unprocessable."""
    body = _content(file)
    try:
        orjson.loads(body)
        found = spelled(body)
    except (ValueError, RecursionError):
        raise Unprocessable.because("load-not-of-format", format="fhir") from None
    if not isinstance(found, dict) or found.get("resourceType") != "CodeSystem":
        raise Unprocessable.because("load-not-of-format", format="fhir")
    return found


def _of_csv(body: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(body)
    first = text.split("\n", 1)[0]
    divider = max(",\t;|", key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=divider)
    try:
        for row in reader:
            if any(row) and not row[0].startswith("#"):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error:
        raise Unprocessable.because("load-not-of-format", format="csv") from None


def _decoded(body: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unprocessable.because("load-not-text")


def _of_xlsx(body: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(body))
        sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, ValueError, IndexError):
        raise Unprocessable.because("load-not-of-format", format="xlsx") from None
    for number, row in enumerate(sheet, 1):
        cells = [_cell(value) for value in row]
        if any(cells):
            yield number, cells


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # A spreadsheet keeps the code 10 as the number 10.0.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _of_table(lines: Iterator[tuple[int, list[str]]], columns: Columns) -> Iterator[Row]:
    _, header = next(lines, (0, []))
    places = _places(header, columns)
    held_as = [name for name in (*columns.properties, *_PROPERTIES) if name in header]
    missing = [name for name in columns.properties if name not in header]
    if missing:
        raise Unprocessable.because("load-column-missing", column=missing[0][:40])
    named = {name: header[place] for name, place in places.items()}
    for number, given in lines:
        cells = given + [""] * (len(header) - len(given))
        held = {name: cells[place] for name, place in places.items()}
        yield Row(
            number=number,
            code=held["code"],
            display=held.get("display") or None,
            english=held.get("english") or None,
            definition=held.get("definition") or None,
            parents=tuple(held["parent"].split()) if held.get("parent") else (),
            is_inactive=held.get("inactive", "").lower() in _YES,
            properties=tuple(
                (name, cells[header.index(name)])
                for name in dict.fromkeys(held_as)
                if cells[header.index(name)]
            ),
            columns=named,
        )


def _places(header: Sequence[str], columns: Columns) -> dict[str, int]:
    """Return where what stands. Raises Unprocessable if a column is missing."""
    found: dict[str, int] = {}
    for name, usual in _NAMES.items():
        chosen = getattr(columns, name)
        if chosen is not None and chosen not in header:
            raise Unprocessable.because("load-column-missing", column=chosen[:40])
        known = [one for one in ((chosen,) if chosen else usual) if one in header]
        if known:
            found[name] = header.index(known[0])
    if "code" not in found:
        raise Unprocessable.because("load-column-missing", column="code")
    return found


def _of_resource(resource: Mapping[str, Any]) -> Iterator[Row]:
    left: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [
        ((), one) for one in reversed(resource.get("concept", ()))
    ]
    number = 0
    while left:
        above, one = left.pop()
        number += 1
        code = one.get("code", "")
        said = (text for name, text in properties(one.get("property", ())) if name == "parent")
        yield Row(
            number,
            code,
            one.get("display"),
            parents=tuple(dict.fromkeys((*above, *said))),
            given={name: value for name, value in one.items() if name != "concept"},
        )
        left += [((code,), inner) for inner in reversed(one.get("concept", ()))]
