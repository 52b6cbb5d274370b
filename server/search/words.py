"""The words of a resource, for searches through all of its text.

``c:word`` is a word of any of its strings, ``t:word`` one of its narrative. Han text is segmented
into words. There are at most 5,000 of the one and 3,000 of the other, from the first 200,000 and
100,000 characters. Where something was left out, ``c:…`` or ``t:…`` stands for it: such a resource
may hold a word that is not among these.

Spec: https://hl7.org/fhir/R4/search.html#content
"""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

import rjieba

from server.search.folding import freshly_folded
from server.search.steps import Json

_NO_PROSE = frozenset(
    {
        "resourceType", "id", "reference", "system", "url", "data", "hash", "contentType",
        "versionId", "lastUpdated", "div", "profile", "source", "linkId", "fullUrl",
        "implicitRules",
    }
)  # fmt: skip
_TAG = re.compile(r"<[^>]*>")
_ENTITY = re.compile(r"&#?\w+;")
_WORD = re.compile(r"[^\W_]")
LONGEST = 40
"""How many characters of a word count."""
MORE = "…"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One prefix: how many characters are read for it, and how many words are kept."""

    prefix: str
    characters: int
    most: int

    def words(self, text: str) -> list[str]:
        """Return the different words of `text` with the prefix, and the mark if it was cut."""
        found = segmented(text[: self.characters])
        kept = [self.prefix + word for word in islice(found, self.most)]
        if len(text) > self.characters or len(found) > self.most:
            kept.append(self.prefix + MORE)
        return kept


# A Bundle of a specification has more words than an index should hold for one document.
_CONTENT = _Kind("c:", 200_000, 5000)
_NARRATIVE = _Kind("t:", 100_000, 3000)


def words(resource: dict[str, Any]) -> list[str]:
    """Return the different words of `resource`, each with its prefix."""
    texts: list[str] = []
    _collect(resource, texts)
    # One call for all of it: a call to the segmenter costs more than the words do.
    found = _CONTENT.words("\n".join(texts))
    if "text" in resource:
        plain = _ENTITY.sub(" ", _TAG.sub(" ", resource["text"].get("div", "")))
        found += _NARRATIVE.words(plain)
    return found


def segmented(text: str) -> list[str]:
    """Return the different words of `text`, folded and cut; punctuation is none."""
    pieces = dict.fromkeys(rjieba.cut(freshly_folded(text)))
    return [piece[:LONGEST] for piece in pieces if _WORD.search(piece)]


def _collect(value: Json, texts: list[str]) -> None:
    # The parser gives exact types; `type is` costs a third of a match statement here.
    if type(value) is dict:
        for key, inner in value.items():
            kind = type(inner)
            if kind is str:
                if key not in _NO_PROSE:
                    texts.append(inner)
            elif (kind is dict or kind is list) and key not in _NO_PROSE:
                _collect(inner, texts)
    else:
        for inner in value:
            if type(inner) is str:
                texts.append(inner)
            elif type(inner) is dict or type(inner) is list:
                _collect(inner, texts)
