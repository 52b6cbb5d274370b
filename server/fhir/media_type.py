"""Media types as headers and `Binary.contentType` write them.

Spec: RFC 9110 section 8.3.1, RFC 6838 section 4.2, https://hl7.org/fhir/R4/http.html#mime-type
"""

import re

UNKNOWN = "application/octet-stream"
"""The type of bytes of which no more is known."""
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&\-^_.+]{0,126}"
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*(?:([\w.\-]+)=({_WORD}|{_QUOTED}))?", re.ASCII)
_KIND = re.compile(rf"{_NAME}/{_NAME}")
_LONGEST = 255
_FHIR = "application/fhir+"


def parse(text: str) -> str | None:
    """Return the media type in `text` with one blank behind each semicolon, None if it is none.

    It is ASCII without control characters, so that it can stand in a header, and a code of FHIR.
    """
    text = text.strip(" \t")
    kind = _KIND.match(text)
    if kind is None:
        return None
    written, place = kind[0], kind.end()
    while place < len(text):
        parameter = _PARAMETER.match(text, place)
        if parameter is None:
            return None
        place = parameter.end()
        if parameter[1]:
            written += f"; {parameter[1]}={parameter[2]}"
    return written if len(written) <= _LONGEST and "  " not in written else None


def kind(text: str) -> str:
    """Return the type and subtype of the media type `text`, in lower case."""
    return text.partition(";")[0].strip().lower()


def is_fhir(kind: str) -> bool:
    """Tell whether `kind` names a form of FHIR itself, which nothing else is sent in."""
    return kind.startswith(_FHIR)
