"""The words of a resource, for searches through all of its text.

``c:word`` is a word of any of its strings, ``t:word`` one of its narrative. Han text has no spaces,
and where a word of it begins depends on what stands around; so each two neighbouring characters
count as a word, and the last one of a run: whatever is part of the text is found. There are at most
5,000 words of the one and 3,000 of the other, from the first 200,000 and 100,000 characters. Where
something was left out, ``c:…`` or ``t:…`` stands for it: such a resource may hold a word that is
not among these.

What is searched for is segmented instead: the words of 高血压糖尿病 need not stand side by side.

Spec: https://hl7.org/fhir/R4/search.html#content
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from itertools import islice
from operator import add
from typing import Any

import rjieba

from server.search.steps import Json
from server.terminology.folding import freshly_folded

_NO_PROSE = frozenset(
    {
        "resourceType", "id", "reference", "system", "url", "data", "hash", "contentType",
        "versionId", "lastUpdated", "div", "profile", "source", "linkId", "fullUrl",
        "implicitRules", "query",
    }
)  # fmt: skip
_TAG = re.compile(r"<[^<>]*>")
# What such an element is made of goes on the word that it stands in.
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|acronym|b|big|cite|code|dfn|em|font|i|q|s|small|span|strong|sub|sup|tt|u|var)"
    r"(?:\s[^<>]*)?>"
)
# Han characters, and kana, which are written without spaces as well.
_UNSPACED = "\u3005\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
_SPACED_RUN = re.compile(rf"[^\W_{_UNSPACED}]+")
WORDLESS = frozenset({"AuditEvent"})
"""Types whose words are not indexed; the trail has little text, and grows with every request."""
LONGEST = 40
"""How many characters of a word count."""
MORE = "…"
_SHORT = 32


@dataclass(frozen=True, slots=True)
class _Kind:
    """One prefix: how many characters are read for it, and how many words are kept."""

    prefix: str
    characters: int
    most: int

    def words(self, texts: Sequence[str]) -> list[str]:
        """Return the different words of `texts` with the prefix, and the mark if it was cut."""
        is_long = sum(map(len, texts)) + len(texts) - 1 > self.characters
        found = indexed("\n".join(texts)[: self.characters]) if is_long else _of_all(texts)
        kept = [self.prefix + word for word in islice(found, self.most)]
        if is_long or len(found) > self.most:
            kept.append(self.prefix + MORE)
        return kept


# A Bundle of a specification has more words than an index should hold for one document.
_CONTENT = _Kind("c:", 200_000, 5000)
_NARRATIVE = _Kind("t:", 100_000, 3000)


def words(resource: dict[str, Any]) -> list[str]:
    """Return the different words of `resource`, each with its prefix."""
    texts: list[str] = []
    _collect(resource, texts)
    found = _CONTENT.words(texts)
    if "text" in resource:
        prose = _INLINE_TAG.sub("", resource["text"].get("div", ""))
        plain = unescape(_TAG.sub(" ", prose))
        found += _NARRATIVE.words([plain])
    return found


@dataclass(frozen=True, slots=True)
class Term:
    """A word that is searched for; with `is_start`, any that starts with it."""

    word: str
    is_start: bool = False


def indexed(text: str) -> list[str]:
    """Return the different words of `text` as they are stored, folded; punctuation is none."""
    plain = freshly_folded(text)
    found = dict.fromkeys(word[:LONGEST] for word in _SPACED_RUN.findall(plain))
    # All runs at once: a step for each would take twice as long.
    runs = "\n".join([*_UNSPACED_RUN.findall(plain), ""])
    pairs = dict.fromkeys(map(add, runs, runs[1:]))
    found.update(dict.fromkeys(pair.rstrip("\n") for pair in pairs if pair[0] != "\n"))
    return list(found)


def _of_all(texts: Iterable[str]) -> Collection[str]:
    """Return the different words of `texts`; what codes are called comes again and again."""
    found: dict[str, None] = {}
    long: list[str] = []
    for text in texts:
        if len(text) > _SHORT:
            long.append(text)
        else:
            found.update(_remembered(text))
    if long:
        found.update(dict.fromkeys(indexed("\n".join(long))))
    return found


@lru_cache(maxsize=8192)
def _remembered(text: str) -> dict[str, None]:
    return dict.fromkeys(indexed(text))


def sought(folded: str, *, as_phrase: bool = False) -> list[Term]:
    """Return what a text that holds all of `folded` has among its words.

    The characters of a Han phrase stand side by side; else only those of a word do.
    """
    found = dict.fromkeys(Term(word[:LONGEST]) for word in _SPACED_RUN.findall(folded))
    for run in _UNSPACED_RUN.findall(folded):
        for word in [run] if as_phrase else rjieba.cut(run):
            found.update(dict.fromkeys(_pairs(word)))
    return list(found)


def _pairs(word: str) -> Iterator[Term]:
    if len(word) == 1:
        yield Term(word, is_start=True)
    yield from map(Term, map(add, word, word[1:]))


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
