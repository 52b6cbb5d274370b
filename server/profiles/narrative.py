"""What may stand in a narrative: basic XHTML, and nothing that acts.

A browser may be given the text as HTML later, and HTML reads CDATA sections, processing
instructions and the ends of some comments unlike XML; those are refused as well, so that nothing
hides in them.

Spec: https://hl7.org/fhir/R4/narrative.html#rules
"""

import re
from collections.abc import Mapping
from xml.parsers import expat

_XHTML = "http://www.w3.org/1999/xhtml"


def _words(text: str, prefix: str = "") -> frozenset[str]:
    return frozenset(prefix + word for word in text.split())


# The parser joins namespace and name by a space.
_ELEMENTS = _words(
    """a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn
    div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup
    table tbody td tfoot th thead tr tt ul var""",
    f"{_XHTML} ",
)
_IMAGE = f"{_XHTML} img"
_ATTRIBUTES = _words(
    """abbr accesskey align alt axis border cellpadding cellspacing char charoff charset cite class
    colspan compact coords dir frame headers height href hreflang id ismap lang longdesc name
    nohref rel rev rowspan rules scope shape span src start style summary tabindex title type
    usemap valign value width"""
) | {"http://www.w3.org/XML/1998/namespace lang"}
_URLS = frozenset({"cite", "href", "longdesc", "src", "usemap"})
_SCHEMES = frozenset({"cid", "ftp", "http", "https", "mailto", "tel", "urn"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):").match
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0]+")
# What makes a style sheet load or run something; a backslash could spell each in disguise.
_ACTIVE_STYLE = re.compile(r"\\|expression|script|behaviou?r|binding|@", re.IGNORECASE).search
_STYLE_URL = re.compile(r"url\(\s*[\"']?([^\"')]*)", re.IGNORECASE).findall


class Refused(Exception):
    """A narrative is refused; `message` is a key of the messages, `detail` what is at fault."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message, self.detail = message, detail


def is_narrative(value: object) -> bool:
    """Tell whether `value` is a ``Narrative.div`` that breaks no rule."""
    return type(value) is str and refusal(value) is None


def refusal(text: str) -> Refused | None:
    """Return why `text` is not allowed as a ``Narrative.div``, or None if it is."""
    try:
        _read(text)
    except Refused as refused:
        return refused
    return None


def _read(text: str) -> None:
    if not text.startswith("<div"):
        raise Refused("narrative-not-a-div", text)
    seen: list[str] = []
    try:
        _parser(seen).Parse(text, True)  # noqa: FBT003 - expat takes it by position only
    except expat.ExpatError as error:
        raise Refused("narrative-xml", expat.ErrorString(error.code)) from None
    except UnicodeEncodeError:
        raise Refused("narrative-xml", "surrogate") from None
    if not seen:
        raise Refused("narrative-empty")


def _parser(seen: list[str]) -> expat.XMLParserType:
    """Return a parser that refuses what is not allowed, and adds what it shows to `seen`."""

    def characters(data: str) -> None:
        if not seen and data.strip():
            seen.append("text")

    def element(name: str, attributes: Mapping[str, str]) -> None:
        if name not in _ELEMENTS:
            raise Refused("narrative-element", name.rpartition(" ")[2])
        for attribute, value in attributes.items():
            _check_attribute(attribute, value)
        if name == _IMAGE:
            seen.append("image")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = element
    parser.CharacterDataHandler = characters
    parser.CommentHandler = _comment
    parser.ProcessingInstructionHandler = _instruction
    parser.StartCdataSectionHandler = _cdata
    return parser


def _check_attribute(name: str, value: str) -> None:
    if name not in _ATTRIBUTES:
        raise Refused("narrative-attribute", name.rpartition(" ")[2])
    if name in _URLS:
        _check_url(name, value)
    elif name == "style":
        if _ACTIVE_STYLE(value):
            raise Refused("narrative-style", value)
        for url in _STYLE_URL(value):
            _check_url("src", url)


def _check_url(attribute: str, value: str) -> None:
    # Browsers skip white space and control characters inside a scheme.
    url = _BLANKS.sub("", value).lower()
    scheme = _SCHEME(url)
    if scheme is None or scheme[1] in _SCHEMES:
        return
    if not (attribute == "src" and url.startswith("data:image/")):
        raise Refused("narrative-url", value)


def _comment(text: str) -> None:
    # HTML ends a comment at once that begins so, and would read on as markup.
    if text.startswith((">", "->")):
        raise Refused("narrative-markup", "<!--")


def _instruction(target: str, _data: str) -> None:
    raise Refused("narrative-markup", f"<?{target}")


def _cdata() -> None:
    raise Refused("narrative-markup", "<![CDATA[")
