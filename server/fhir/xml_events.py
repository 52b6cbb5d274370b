"""XML as events, read so that it can do no harm.

No document type is read, so there are no entities but those of XML itself, and nothing is fetched
from anywhere. The encoding is UTF-8, whatever the document declares: who reads it has seen to that.
Names are those of Namespaces in XML, the namespace and a space before the local part.

Spec: https://www.w3.org/TR/xml/, https://docs.python.org/3/library/pyexpat.html
"""

from collections.abc import Callable, Mapping
from xml.parsers import expat

from server.fhir.outcome import BadRequest, TooLarge

MOST_ELEMENTS = 500_000
"""A transaction of a thousand entries has some hundred thousand; each costs more than its bytes."""


def parser(
    start: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None],
    characters: Callable[[str], None],
) -> expat.XMLParserType:
    """Return a parser that tells of elements and of text as it comes to them."""
    made = expat.ParserCreate("utf-8", " ")
    made.buffer_text = True
    made.StartDoctypeDeclHandler = _document_type
    made.StartElementHandler = start
    made.EndElementHandler = end
    made.CharacterDataHandler = characters
    return made


def parse(made: expat.XMLParserType, source: bytes) -> None:
    """Parse all of `source`.

    Raises BadRequest if it is not well formed or has a document type, and what the handlers raise.
    """
    try:
        made.Parse(source, True)  # noqa: FBT003 - expat takes it by position only
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise BadRequest.because(
            "xml-malformed", line=error.lineno, column=error.offset + 1, reason=reason
        ) from None


def require_few(elements: int) -> None:
    """Raise TooLarge if a document has more `elements` than any does that is meant well."""
    if elements > MOST_ELEMENTS:
        raise TooLarge.because("xml-too-many-elements", limit=MOST_ELEMENTS)


def _document_type(*_: object) -> None:
    raise BadRequest.because("xml-document-type")
