"""The XML of a CDA document as a tree, read so that it can do no harm.

No document type is read, so there are no entities but those of XML itself, and nothing is fetched
from anywhere. Names are those of HL7 v3, without their namespace; what is of another namespace, a
signature for one, is passed over. A document in GB18030, GBK or GB 2312 is converted first.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=7 (CDA R2), WS/T 482-2016
"""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, TreeBuilder

from server.fhir import xml_events
from server.fhir.outcome import BadRequest, TooLarge

HL7 = "urn:hl7-org:v3"
TYPE = "xsi:type"
MOST_LEVELS = 100
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0")
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_CHINESE = ("gb18030", "gbk", "gb2312")


def parsed(body: bytes) -> Element:
    """Return the root of the document `body`.

    Raises BadRequest if it is no XML or has a document type, TooLarge if it is too much.
    """
    if not body.strip():
        raise BadRequest.because("body-missing")
    return _Reading().root(_in_utf8(body))


def _in_utf8(body: bytes) -> bytes:
    if body.startswith(_WIDE):
        raise BadRequest.because("xml-encoding", name="UTF-16")
    body = body.removeprefix(_BOM)
    match = _DECLARED.match(body)
    name = match[1].decode().lower() if match else "utf-8"
    if name in ("utf-8", "utf8"):
        return body
    if name not in _CHINESE:
        raise BadRequest.because("xml-encoding", name=name)
    try:
        # GB18030 has all of the older ones.
        return body.decode("gb18030").encode()
    except UnicodeDecodeError:
        raise BadRequest.because("xml-encoding", name=name) from None


class _Reading:
    """One body as it is read."""

    __slots__ = ("_builder", "_count", "_level", "_parser", "_skipped")

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self._count = self._level = self._skipped = 0
        # What the body declares has been seen to, and is overruled.
        self._parser = xml_events.parser(self._start, self._end, self._characters)

    def root(self, body: bytes) -> Element:
        """Return the root of `body`. Raises as `parsed` says."""
        try:
            xml_events.parse(self._parser, body)
            return self._builder.close()
        finally:
            # The parser and its handlers hold each other.
            del self._parser

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        self._level += 1
        xml_events.require_few(self._count)
        if self._level > MOST_LEVELS:
            raise TooLarge.because("xml-too-deep")
        space, _, local = name.rpartition(" ")
        if self._skipped or (space != HL7 and self._level > 1):
            self._skipped += 1
            return
        # The root is taken as it is, for its name says what was sent instead of a document.
        self._builder.start(
            local if space == HL7 else name, {_name(one): text for one, text in attributes.items()}
        )

    def _end(self, name: str) -> None:
        self._level -= 1
        if self._skipped:
            self._skipped -= 1
        else:
            self._builder.end(name.rpartition(" ")[2])

    def _characters(self, data: str) -> None:
        if not self._skipped:
            self._builder.data(data)


def _name(attribute: str) -> str:
    space, _, local = attribute.rpartition(" ")
    return TYPE if (space, local) == (_INSTANCE, "type") else local
