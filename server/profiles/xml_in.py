"""From XML to JSON: what the parser finds, put where the shapes of the types have a place for it.

No document type is read, so there are no entities but those of XML itself, and nothing is
fetched from anywhere. The order of elements is not checked: it means nothing but among those of
one name. Comments and processing instructions are no part of a resource and are passed over.

Spec: https://hl7.org/fhir/R4/xml.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self
from xml.parsers import expat

import msgspec

from server.fhir import xml_events
from server.fhir.outcome import BadRequest, TooLarge
from server.profiles.definitions import Definitions
from server.profiles.shapes import Shape, Slot
from server.profiles.xml_frames import Faults, Frame
from server.profiles.xml_narrative import XHTML, NarrativeText, split
from server.profiles.xml_out import FHIR

_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0")
_UTF_8 = ("utf-8", "utf8")
_BLANKS = " \t\r\n"
# Where to find a schema, which many say although the specification forbids it.
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance "
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII).fullmatch
_BOOLEANS = {"true": True, "false": False}
# Blanks around these count; around a value of another type they do not.
_AS_THEY_STAND = ("string", "markdown")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads resources of the types that have these `shapes`; `kinds` are those of primitives."""

    shapes: Mapping[str, Shape]
    resource_types: frozenset[str]
    kinds: Mapping[str, str]
    max_depth: int

    @classmethod
    def of(cls, definitions: Definitions, shapes: Mapping[str, Shape], max_depth: int) -> Self:
        """Return the reader of the types in `definitions`, which have these `shapes`."""
        kinds = {name: primitive.value for name, primitive in definitions.primitives.items()}
        return cls(shapes, frozenset(definitions.resource_types), kinds, max_depth)

    def read(self, body: bytes) -> bytes:
        """Return the JSON of the resource `body`, as `server.profiles.xml.Xml.read` says."""
        if not body.strip():
            raise BadRequest.because("body-missing")
        if body.startswith(_WIDE):
            raise BadRequest.because("xml-encoding", name="UTF-16")
        reading = _Reading(self, body.removeprefix(_BOM))
        try:
            return msgspec.json.encode(reading.resource())
        except RecursionError:
            raise TooLarge.because("xml-too-deep") from None


class _Reading:
    """One body as it is read."""

    __slots__ = ("_count", "_declared", "_faults", "_frame", "_narrative", "_parser", "_skipped",
                 "_source", "_tables", "_top")  # fmt: skip

    def __init__(self, tables: Reader, source: bytes) -> None:
        self._tables = tables
        self._source = source
        self._faults = Faults()
        self._top = self._frame = Frame()  # the place of the one resource
        self._narrative: NarrativeText | None = None
        self._skipped = self._count = 0
        self._declared: str | None = None
        self._parser = self._made()

    def _made(self) -> expat.XMLParserType:
        # What the body declares is overruled, and refused if it differs.
        parser = xml_events.parser(self._start, self._end, self._characters)
        parser.namespace_prefixes = True
        parser.XmlDeclHandler = _declaration
        parser.StartNamespaceDeclHandler = self._namespace
        return parser

    def resource(self) -> dict[str, Any]:
        """Return the resource as a JSON object. Raises as `Reader.read` says."""
        try:
            xml_events.parse(self._parser, self._source)
        finally:
            # The parser and its handlers hold each other.
            del self._parser
        self._faults.refuse()
        resource: dict[str, Any] = self._top.properties["resource"]
        return resource

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if prefix is None:
            self._declared = uri

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        declared, self._declared = self._declared, None
        self._count += 1
        xml_events.require_few(self._count)
        if self._skipped:
            self._skipped += 1
        elif self._narrative is not None:
            self._narrative.begin(name, attributes)
        elif self._frame.depth > self._tables.max_depth:
            raise TooLarge.because("xml-too-deep")
        elif self._frame.shape is None:
            self._start_resource(name, attributes)
        else:
            self._start_element(self._frame.shape, name, attributes, declared)

    def _start_resource(self, name: str, attributes: Mapping[str, str]) -> None:
        place = self._frame
        space, type, _ = split(name)
        if space != FHIR:
            self._skip("structure", "xml-namespace", type, element=type, expected=FHIR)
        elif type not in self._tables.resource_types:
            self._skip("value", "structure-resource-type-unknown", value=type)
        elif "resource" in place.properties:
            self._skip("structure", "xml-repeated", type, element=type)
        else:
            self._frame = place.resource(type, self._tables.shapes[type])
            if place.parent is None:
                attributes = {
                    name: value
                    for name, value in attributes.items()
                    if not name.startswith(_SCHEMA_INSTANCE)
                }
            self._read_attributes(attributes)

    def _start_element(
        self, shape: Shape, name: str, attributes: Mapping[str, str], declared: str | None
    ) -> None:
        space, local, prefix = split(name)
        slot = shape.slots.get(local)
        is_narrative = slot is not None and slot.type == "xhtml"
        expected = XHTML if is_narrative else FHIR
        if space != expected:
            self._skip("structure", "xml-namespace", local, element=local, expected=expected)
        elif slot is None or slot.element.attribute:
            self._skip(
                "structure", "structure-unknown-element", local, element=local, parent=shape.path
            )
        elif not slot.many and self._frame.has(local):
            self._skip("structure", "xml-repeated", local, element=local)
        elif is_narrative:
            index = self._parser.CurrentByteIndex
            self._narrative = NarrativeText(self._source, index, None if prefix else declared)
            self._narrative.begin(name, attributes)
        else:
            self._frame = self._frame.element(local, slot, self._shape_within(slot))
            self._read_attributes(attributes)

    def _shape_within(self, slot: Slot) -> Shape | None:
        """Return the shape of what stands within the element of `slot`, None for a resource."""
        if slot.type == "Resource":
            return None
        return self._tables.shapes["Element" if slot.primitive else slot.type]

    def _read_attributes(self, attributes: Mapping[str, str]) -> None:
        frame = self._frame
        for name, value in attributes.items():
            slot = frame.shape.slots.get(name) if frame.shape is not None else None
            if name == "value" and frame.slot is not None and frame.slot.primitive:
                frame.value = self._value(frame.slot, value)
            elif slot is not None and slot.element.attribute:
                frame.properties[name] = value.strip(_BLANKS)
            else:
                self._faults.add(frame, "structure", "xml-attribute", name=name.split(" ")[-1])

    def _value(self, slot: Slot, text: str) -> object:
        """Return the value of a primitive in JSON."""
        if slot.type in _AS_THEY_STAND:
            return text
        text = text.strip(_BLANKS)
        kind = self._tables.kinds[slot.type]
        if kind == "Boolean" and text in _BOOLEANS:
            return _BOOLEANS[text]
        is_number = kind in ("Integer", "Decimal")
        if is_number and _NUMBER(text) and isfinite(float(text)):
            return msgspec.Raw(text.encode())
        if is_number or kind == "Boolean":
            self._faults.add(self._frame, "value", "structure-format", value=text, type=slot.type)
        return text

    def _characters(self, data: str) -> None:
        if self._narrative is not None:
            self._narrative.characters(data)
        elif not self._skipped and (found := data.strip(_BLANKS)):
            self._faults.add(self._frame, "structure", "xml-text", value=found)

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif self._narrative is None:
            self._end_element()
        else:
            text = self._narrative.end(name, self._parser.CurrentByteIndex)
            if text is not None:
                self._frame.properties["div"] = text
                self._narrative = None

    def _end_element(self) -> None:
        frame = self._frame
        fault = frame.close()
        if fault is not None:
            self._faults.add(frame, "structure", fault)
        if frame.parent is not None:
            self._frame = frame.parent

    def _skip(self, code: str, message: str, name: str | None = None, /, **arguments: str) -> None:
        """Add a fault of the element `name` that begins here, and pass over all in it."""
        self._faults.add(self._frame, code, message, name, **arguments)
        self._skipped = 1


def _declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _UTF_8:
        raise BadRequest.because("xml-encoding", name=encoding[:40])
