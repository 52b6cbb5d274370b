"""The text of a node of a CDA document, without what only its layout in XML puts there.

Spec: https://www.w3.org/TR/xml/#sec-white-space, WS/T 482-2016 (narrative text and its references),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import re
from collections import Counter
from xml.etree.ElementTree import Element as Node

MOST_REFERRED = 1_000_000
"""So many characters are taken from narrative texts, for one may be referred to again and again."""
_SPACES = re.compile(r"\s+")
_LINES = ("\n", "\r")
_CHINESE = re.compile(
    "[\u00b7\u2014\u2018-\u201d\u2026\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_BREAKS = frozenset(("br", "paragraph", "item", "list", "table", "tr", "td", "th", "caption"))

_SAYING = ("value", "code", "displayName", "extension")


def plain(node: Node) -> str:
    """Return the text of `node`, or what it has as its value: both are in use for all types."""
    return tidy("".join(node.itertext())) or tidy(node.get("value", ""))


def tidy(text: str) -> str:
    """Return `text` in one line, as it was before it was laid out.

    White space with a line break in it is nothing between two Chinese characters, else one space.
    """
    text = text.strip()
    return _SPACES.sub(_unbroken, text) if any(one in text for one in _LINES) else text


def _unbroken(match: re.Match[str]) -> str:
    spaces, text = match[0], match.string
    if not any(one in spaces for one in _LINES):
        return spaces
    sides = text[match.start() - 1], text[match.end()]
    return "" if all(map(_CHINESE.match, sides)) else " "


def resolve_references(root: Node) -> None:
    """Give each reference in `root` the text of what it refers to in the text of a section.

    One that refers to nothing, to an id that stands twice, or to more than `MOST_REFERRED` in all,
    stays empty; one beside a text that is written out adds nothing.
    """
    named = _named(root)
    room = MOST_REFERRED
    for parent in root.iter():
        reference = parent.find("reference")
        if reference is None or "".join(parent.itertext()).strip():
            continue
        target = named.get(reference.get("value", "").strip().removeprefix("#"))
        texts: list[str] = []
        for text in () if target is None else target.itertext():
            texts.append(text)
            room -= len(text)
            if room < 0:
                return
        reference.text = "".join(texts)


def _named(root: Node) -> dict[str, Node]:
    """Return what has an id in the texts of sections, in which breaks become those of lines."""
    texts = [text for section in root.iter("section") for text in section.findall("text")]
    every = [one for text in texts for one in text.iter()]
    for one in every:
        if one.tag in _BREAKS:
            one.text, one.tail = f"\n{one.text or ''}", f"\n{one.tail or ''}"
    counts = Counter(one.get("ID", "") for one in every)
    return {id: one for one in every if (id := one.get("ID", "")) and counts[id] == 1}


def content(node: Node) -> str:
    """Return all that `node` says, in whatever way; empty if it says nothing at all."""
    texts = [tidy("".join(node.itertext()))]
    for one in node.iter():
        if "nullFlavor" not in one.attrib:
            texts += [one.get(name, "").strip() for name in _SAYING]
    return " ".join(filter(None, texts))
