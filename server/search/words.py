"""The words of a resource, for searches through all of its text.

``c:word`` is a word of any of its strings, ``t:word`` one of its narrative. Han text is segmented
into words.

Spec: https://hl7.org/fhir/R4/search.html#content
"""

import re
from collections.abc import Iterator
from typing import Any

import rjieba

from server.search.folding import folded
from server.search.steps import Json

_NO_PROSE = frozenset(
    {
        "resourceType", "id", "reference", "system", "url", "data", "hash", "contentType",
        "versionId", "lastUpdated", "profile", "source", "linkId", "fullUrl", "implicitRules",
    }
)  # fmt: skip
_TAG = re.compile(r"<[^>]*>")
_ENTITY = re.compile(r"&#?\w+;")
_LONGEST = 100


def words(resource: dict[str, Any]) -> list[str]:
    """Return the different words of `resource`, each with its prefix."""
    found: dict[str, None] = {}
    for text in _strings(resource):
        found.update(dict.fromkeys(f"c:{word}" for word in segmented(text)))
    narrative = resource.get("text", {}).get("div", "")
    plain = _ENTITY.sub(" ", _TAG.sub(" ", narrative))
    found.update(dict.fromkeys(f"t:{word}" for word in segmented(plain)))
    return list(found)


def segmented(text: str) -> list[str]:
    """Return the words of `text`, folded; punctuation is none."""
    plain = folded(text) if len(text) <= _LONGEST else folded.__wrapped__(text)
    pieces = [plain] if plain.isascii() and plain.isalnum() else rjieba.cut(plain)
    return [piece[:_LONGEST] for piece in pieces if any(map(str.isalnum, piece))]


def _strings(value: Json) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                if key not in _NO_PROSE and key != "div":
                    yield from _strings(inner)
        case list():
            for inner in value:
                yield from _strings(inner)
        case str():
            yield value
