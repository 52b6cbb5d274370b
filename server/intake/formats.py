"""The kinds of files that rows are read from.

Spec: https://www.rfc-editor.org/rfc/rfc4180, https://hl7.org/fhir/R4/nd-json.html
"""

from collections.abc import Mapping
from typing import IO

from server.fhir.outcome import Unprocessable, UnsupportedMediaType
from server.intake import csv_rows, ndjson_rows, texts, xlsx_rows
from server.intake.rows import Sheet

CSV, NDJSON, XLSX = "csv", "ndjson", "xlsx"
_XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES: Mapping[str, str] = {
    "text/csv": CSV,
    "application/fhir+ndjson": NDJSON,
    "application/ndjson": NDJSON,
    "application/x-ndjson": NDJSON,
    _XLSX_TYPE: XLSX,
}
"""The formats by media type."""
_KINDS: Mapping[bytes, tuple[str, str]] = {
    b"\xd0\xcf\x11\xe0": ("intake-old-workbook", "xls"),
    b"\x1f\x8b": ("intake-packed", "gzip"),
    b"PK\x03\x04": ("intake-packed", "zip"),
}
"""By their first bytes, files that are often sent for one of those, and what is to be said."""
_LONGEST = 8


def of_type(content_type: str) -> tuple[str, str | None]:
    """Return the format that a media type means, and the encoding that it says, if it says one.

    Raises UnsupportedMediaType.
    """
    kind, *parameters = content_type.split(";")
    format = TYPES.get(kind.strip().lower())
    known = ", ".join(TYPES)
    if not kind.strip():
        raise UnsupportedMediaType.because("intake-type-missing", known=known)
    if format is None:
        raise UnsupportedMediaType.because("intake-type-unknown", type=kind[:60], known=known)
    said = dict(one.strip().lower().partition("=")[::2] for one in parameters)
    return format, texts.charset(said.get("charset"))


def content_type(format: str) -> str:
    """Return the media type of what is sent in a `format`."""
    type = next(type for type, one in TYPES.items() if one == format)
    return f"{type}; charset=utf-8" if format == CSV else type


def of_name(name: str) -> str:
    """Return the format that the name of a file tells."""
    ending = name.lower().rpartition(".")[2]
    return {"xlsx": XLSX, "ndjson": NDJSON, "jsonl": NDJSON}.get(ending, CSV)


def sheet(stream: IO[bytes], format: str, encoding: str | None = None) -> Sheet:
    """Return the rows of `stream`. Raises Unprocessable if it is not of `format`, or has none."""
    _check_kind(stream, format)
    if format == XLSX:
        return xlsx_rows.read(stream)
    return {CSV: csv_rows.read, NDJSON: ndjson_rows.read}[format](stream, encoding)


def _check_kind(stream: IO[bytes], format: str) -> None:
    """Raise Unprocessable if the first bytes tell that it is something else than a `format`."""
    begins = stream.read(_LONGEST)
    stream.seek(0)
    for first, (message, packed) in _KINDS.items():
        if begins.startswith(first) and not (format == XLSX and packed == "zip"):
            raise Unprocessable.because(message, packed=packed, type=_XLSX_TYPE)
