"""A narrative inside XML: the text of its div, as JSON has it.

The text is taken as it stands, to the byte, if it is complete in itself. One that gets its
namespace from further out, or names it by a prefix, is written anew, without comments.

Spec: https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/json.html#xhtml
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

_XHTML = "http://www.w3.org/1999/xhtml"


class NarrativeText:
    """The text of one div, whose start tag begins at byte `start` of `source`.

    Names are as expat gives them: namespace, local name and prefix, with blanks between.
    """

    __slots__ = ("_depth", "_is_whole", "_parts", "_source", "_start")

    def __init__(self, source: bytes, start: int, declared: object) -> None:
        self._source = source
        self._start = start
        # Its own start tag says what the names without a prefix mean.
        self._is_whole = declared == _XHTML
        self._parts: list[str] = []
        self._depth = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take a start tag."""
        space, local, prefix = split(name)
        self._is_whole &= prefix == ""
        declaration = "" if self._depth and space == _XHTML else f" xmlns={quoteattr(space)}"
        given = "".join(map(_attribute, attributes.items()))
        self._parts.append(f"<{local}{declaration}{given}>")
        self._depth += 1

    def characters(self, data: str) -> None:
        """Take text."""
        self._parts.append(escape(data))

    def end(self, name: str, index: int) -> str | None:
        """Take an end tag that begins at byte `index`; return the whole text if it is the last."""
        self._parts.append(f"</{split(name)[1]}>")
        self._depth -= 1
        if self._depth:
            return None
        if not self._is_whole:
            return "".join(self._parts)
        # Of a tag that ends itself, the parser gives the place behind it.
        is_tag = self._source.startswith(b"</div", index)
        end = self._source.index(b">", index) + 1 if is_tag else index
        return self._source[self._start : end].decode()


def split(name: str) -> tuple[str, str, str]:
    """Return the namespace, the local name and the prefix in `name`, each empty if it has none."""
    match name.split(" "):
        case [space, local]:
            return space, local, ""
        case [space, local, prefix]:
            return space, local, prefix
        case _:
            return "", name, ""


def _attribute(pair: tuple[str, str]) -> str:
    _, local, prefix = split(pair[0])
    return f" {prefix and prefix + ':'}{local}={quoteattr(pair[1])}"
