"""The parts of an Excel workbook, read in pieces: which there are, and how large they may be.

A workbook may hold far more than its bytes seem to, so that no part is read further than its bound.

Spec: ECMA-376 part 1, 18.2 (workbooks), part 2, 9 (relationships),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import posixpath
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat
from zipfile import ZipFile

from server.fhir.outcome import FhirError, Unprocessable

_MB = 1024 * 1024
MOST_BYTES = 8 * _MB
MOST_TEXT_BYTES = 64 * _MB
MOST_SHEET_BYTES = 1024 * _MB
_MOST_DIRECTORY_BYTES = 2 * _MB
_PIECE = 16 * 1024
_END, _END_LARGE = b"PK\x05\x06", b"PK\x06\x07"
_LONGEST_END = 22 + 65535
_TRUE = ("1", "true")


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook: its first sheet, called `title`, and where its texts and styles are.

    Days count from 1904 if it `is_1904`.
    """

    parts: ZipFile
    sheet: str
    title: str
    texts: str | None
    styles: str | None
    is_1904: bool

    def read(self, name: str, most: int = MOST_BYTES) -> Iterator[bytes]:
        """Yield the content of a part in pieces. Raises Unprocessable if it is longer."""
        return _pieces(self.parts, name, most)


def opened(stream: IO[bytes]) -> Book:
    """Return the workbook in `stream`. Raises Unprocessable, or what a broken one raises."""
    _check_directory(stream)
    parts = ZipFile(stream)
    (main, *_) = _related(parts, "", "officeDocument").values()
    sheets = _related(parts, main, "worksheet")
    listed = _Listed.of(starts(_pieces(parts, main, MOST_BYTES)))
    found = [(sheets[id], title) for id, title in listed.sheets if id in sheets]
    name, title = found[0]
    texts, styles = (
        next(iter(_related(parts, main, type).values()), None)
        for type in ("sharedStrings", "styles")
    )
    return Book(parts, name, title, texts, styles, listed.is_1904)


def too_large(part: str, most: str) -> FhirError:
    """Return the refusal of a workbook in which `part` has more than `most`."""
    return Unprocessable.because("intake-workbook-too-large", part=part[:80], most=most)


def parser() -> expat.XMLParserType:
    """Return a parser of XML that refuses what a workbook never has."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartDoctypeDeclHandler = _refuse
    return made


def bare(name: str) -> str:
    """Return the name of an element or attribute without the prefix of its namespace."""
    return name.rpartition(":")[2]


def starts(content: Iterable[bytes]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the name and the attributes of each element."""
    found: list[tuple[str, Mapping[str, str]]] = []
    reader = parser()
    reader.StartElementHandler = lambda name, given: found.append((bare(name), given))
    for piece in content:
        reader.Parse(piece)
        yield from found
        found.clear()
    reader.Parse(b"", True)  # noqa: FBT003  # it has no name


def _refuse(*_: object) -> None:
    raise Unprocessable.because("intake-not-a-workbook")


def _check_directory(stream: IO[bytes]) -> None:
    """Raise Unprocessable if there are so many parts that their names alone are too much."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _LONGEST_END))
    tail = stream.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) < place + 22:
        raise Unprocessable.because("intake-not-a-workbook")
    (length,) = struct.unpack_from("<I", tail, place + 12)
    if length > _MOST_DIRECTORY_BYTES or _END_LARGE in tail[max(0, place - 20) : place]:
        raise too_large("zip", f"{_MOST_DIRECTORY_BYTES // _MB} MB")


def _pieces(parts: ZipFile, name: str, most: int) -> Iterator[bytes]:
    if parts.getinfo(name).file_size > most:
        raise too_large(name, f"{most // _MB} MB")
    with parts.open(name) as part:
        while piece := part.read(_PIECE):
            yield piece


def _related(parts: ZipFile, name: str, type: str) -> dict[str, str]:
    """Return the parts of a `type` that the part called `name` refers to, by id."""
    folder, base = posixpath.split(name)
    links = posixpath.join(folder, "_rels", f"{base}.rels")
    return {
        given["Id"]: posixpath.normpath(posixpath.join("/", folder, given["Target"])).lstrip("/")
        for element, given in starts(_pieces(parts, links, MOST_BYTES))
        if element == "Relationship" and given["Type"].endswith(f"/{type}")
    }


@dataclass(slots=True)
class _Listed:
    """What a workbook says of itself: the ids and titles of its sheets, and how days count."""

    sheets: list[tuple[str, str]] = field(default_factory=list)
    is_1904: bool = False

    @classmethod
    def of(cls, elements: Iterable[tuple[str, Mapping[str, str]]]) -> "_Listed":
        found = cls()
        for element, given in elements:
            if element == "workbookPr":
                found.is_1904 = given.get("date1904") in _TRUE
            elif element == "sheet":
                ids = [value for name, value in given.items() if name.endswith(":id")]
                found.sheets.append((next(iter(ids), ""), given.get("name", "")))
        return found
