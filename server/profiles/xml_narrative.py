"""A narrative inside XML: the text of its div, as JSON has it.

The text is taken as it stands, to the byte, if its first tag says itself that it is XHTML. One
that is told so from further out, or by a prefix, is written anew, without comments.

Spec: https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/json.html#xhtml
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

XHTML = "http://www.w3.org/1999/xhtml"


class NarrativeText:
    """The text of one div, whose first tag begins at byte `start` of `source`.

    `declared` is the namespace that this tag gives to names without a prefix, None if it does
    not. Names are as expat gives them: namespace, local name and prefix, with blanks between.
    """

    __slots__ = ("_depth", "_parts", "_source", "_start")

    def __init__(self, source: bytes, start: int, declared: str | None) -> None:
        self._source = source
        self._start = start
        self._parts: list[str] | None = None if declared == XHTML else []
        self._depth = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take a start tag."""
        if self._parts is not None:
            space, local, _ = split(name)
            declaration = "" if self._depth and space == XHTML else f" xmlns={quoteattr(space)}"
            given = "".join(map(_attribute, attributes.items()))
            self._parts.append(f"<{local}{declaration}{given}>")
        self._depth += 1

    def characters(self, data: str) -> None:
        """Take text."""
        if self._parts is not None:
            self._parts.append(escape(data))

    def end(self, name: str, index: int) -> str | None:
        """Take an end tag that begins at byte `index`; return the whole text if it is the last."""
        self._depth -= 1
        if self._parts is not None:
            self._parts.append(f"</{split(name)[1]}>")
            return None if self._depth else "".join(self._parts)
        if self._depth:
            return None
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
