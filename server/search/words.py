"""The words of a resource, for searches through all of its text.

``c:word`` is a word of any of its strings, ``t:word`` one of its narrative. Han text is segmented
into words.

Spec: https://hl7.org/fhir/R4/search.html#content
"""

import re
from typing import Any

import rjieba

from server.search.folding import folded
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
_LONGEST = 100
_MOST = 5000


def words(resource: dict[str, Any]) -> list[str]:
    """Return the different words of `resource`, each with its prefix; the first 5,000 of them."""
    texts: list[str] = []
    _collect(resource, texts)
    # One call for all of it: a call to the segmenter costs more than the words do.
    found = [f"c:{word}" for word in segmented("\n".join(texts))]
    if "text" in resource:
        plain = _ENTITY.sub(" ", _TAG.sub(" ", resource["text"].get("div", "")))
        found += [f"t:{word}" for word in segmented(plain)]
    # A Bundle of a specification has more words than an index should hold for one document.
    return found[:_MOST]


def segmented(text: str) -> list[str]:
    """Return the different words of `text`, folded; punctuation is none."""
    pieces = dict.fromkeys(rjieba.cut(folded.__wrapped__(text)))
    return [piece[:_LONGEST] for piece in pieces if _WORD.search(piece)]


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
