"""The XML format of resources: from XML to JSON and back, without altering a digit.

Everything inside the server is JSON; XML is read when it comes in, and written when it goes out.

Spec: https://hl7.org/fhir/R4/xml.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from server.profiles.definitions import Definitions
from server.profiles.shapes import Shape
from server.profiles.xml_in import Reader
from server.profiles.xml_out import Writer


@dataclass(frozen=True, slots=True)
class Xml:
    """Reads and writes XML."""

    reader: Reader
    writer: Writer

    @classmethod
    def of(cls, definitions: Definitions, shapes: Mapping[str, Shape], max_depth: int) -> Self:
        """Return the format of the types in `definitions`, which have these `shapes`.

        What nests deeper than `max_depth` elements is not read.
        """
        return cls(Reader.of(definitions, shapes, max_depth), Writer.of(shapes))

    def read(self, body: bytes) -> bytes:
        """Return the JSON of the resource that `body` is in XML.

        Raises BadRequest if it is not well-formed XML in UTF-8 or has a document type, TooLarge if
        it nests too deep or has too many elements, Unprocessable with every fault for which JSON
        has no place. Whether the rest of it is valid is left to `server.profiles.structure`.
        """
        return self.reader.read(body)

    def write(self, body: bytes, *, pretty: bool = False) -> bytes:
        """Return the XML of the resource that `body` is in JSON, laid out for people if `pretty`.

        The resource must be one in which `server.profiles.structure` finds no fault, or a subset
        of one.
        """
        return self.writer.write(body, pretty=pretty)
