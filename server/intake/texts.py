"""Lines of text in UTF-8 or GB18030: which of the two a file is in is told by most of its lines.

A line in the other encoding is never taken for what it seems to say: it comes with a fault.

Spec: https://encoding.spec.whatwg.org/#gb18030-decoder (GB 18030-2022), RFC 3629
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from server.fhir.outcome import Unprocessable, UnsupportedMediaType
from server.intake import encodings
from server.intake.encodings import GB18030, OTHER, UTF_8
from server.intake.rows import unreadable
from server.mappings.faults import RowFault

_CHARSETS = {
    "utf-8": UTF_8, "utf8": UTF_8, "us-ascii": UTF_8, "gb18030": GB18030, "gbk": GB18030,
    "gb2312": GB18030, "cp936": GB18030,
}  # fmt: skip
_LONGEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its end. A line with a `fault` has the text that it most likely is."""

    number: int
    text: str
    fault: RowFault | None = None


def charset(name: str | None) -> str | None:
    """Return the encoding that a media type calls `name`. Raises UnsupportedMediaType."""
    if name is None:
        return None
    found = _CHARSETS.get(name.strip().strip('"').lower())
    if found is None:
        raise UnsupportedMediaType.because("intake-charset-unknown", name=name[:40])
    return found


def lines(
    stream: IO[bytes], encoding: str | None = None, usual: str | None = None
) -> Iterator[Line]:
    """Yield the lines of `stream`, in `encoding` if that was said, else in what it seems to be.

    If that cannot be told, it is what is `usual`. Raises Unprocessable if it is in UTF-16.
    """
    if encoding is None and stream.seekable():
        encoding = _seeming(stream) or usual
    decoder = _Decoder(encoding)
    number = 0
    while content := stream.readline(_LONGEST_BYTES):
        number += 1
        if number == 1:
            content = decoder.begun(content)
        if len(content) >= _LONGEST_BYTES and not content.endswith(b"\n"):
            _skip_line(stream)
            yield Line(number, "\n", unreadable("intake-line-too-long", most=_LONGEST_BYTES))
        else:
            yield decoder.line(number, content)


def _seeming(stream: IO[bytes]) -> str | None:
    begun = stream.tell()
    seeming = encodings.of_lines(iter(lambda: stream.readline(_LONGEST_BYTES), b""))
    stream.seek(begun)
    return seeming


def _skip_line(stream: IO[bytes]) -> None:
    while (rest := stream.readline(_LONGEST_BYTES)) and not rest.endswith(b"\n"):
        continue


class _Decoder:
    def __init__(self, encoding: str | None) -> None:
        self._encoding = encoding

    def begun(self, first: bytes) -> bytes:
        """Return the `first` line without the mark that tells its encoding."""
        has_mark = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if has_mark or _is_spaced(first):
            raise Unprocessable.because("intake-utf-16")
        if first.startswith(codecs.BOM_UTF8):
            self._encoding = UTF_8
            return first[len(codecs.BOM_UTF8) :]
        return first

    def line(self, number: int, content: bytes) -> Line:
        if content.isascii():
            return Line(number, content.decode("ascii"))
        if self._encoding is None:
            self._encoding = encodings.likely(content)
        if self._encoding is None:
            return _unknown(number, content)
        text, other = encodings.text(content, self._encoding), OTHER[self._encoding]
        if text is None or encodings.is_other(content, self._encoding):
            likely = encodings.text(content, other)
            return _unknown(number, content) if likely is None else _mixed(number, likely, other)
        return Line(number, text)


def _is_spaced(first: bytes) -> bool:
    """Tell whether each second byte of ASCII in the `first` line is a 0, as it is in UTF-16."""
    places = [place % 2 for place, byte in enumerate(first) if byte == 0]
    return len(places) > 1 and len(set(places)) == 1


def _mixed(number: int, text: str, encoding: str) -> Line:
    fault = unreadable("intake-encoding-mixed", line=number, encoding=encoding.upper())
    return Line(number, text, fault)


def _unknown(number: int, content: bytes) -> Line:
    text = content.decode(UTF_8, "replace")
    return Line(number, text, unreadable("intake-encoding-unknown", line=number))
