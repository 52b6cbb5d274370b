"""How concepts are found as somebody types: by code, by words, by Han characters, by pinyin.

Every concept has *spellings*: its code, its names from each word on, Han text from each character
on, and the pinyin of that, in full and by initials. Words that are asked for have to be the
beginning of a spelling. So ``高血``, ``血压``, ``gaoxueya``, ``gxy`` and ``I10`` find 高血压病.

Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

from server.content import TERMINOLOGY
from server.terminology.concepts import Concept
from server.terminology.folding import folded, folded_start
from server.terminology.phonetics import Phonetics, load

LONGEST = 24
"""Of a spelling, and of a word that is asked for, no more characters count."""
_MOST = 160
_MOST_WORDS = 8
_NAME = 200
_HAN = re.compile("[\u3400-\u9fff]+")
_WORD = re.compile(r"[^\W_]+")


def wanted(text: str) -> tuple[str, ...]:
    """Return the words of a filter that somebody typed, at most eight."""
    found = dict.fromkeys(word[:LONGEST] for word in folded(text[:_NAME]).split())
    return tuple(found)[:_MOST_WORDS]


def has(concept: Concept, words: Iterable[str]) -> bool:
    """Tell whether `concept` has a spelling that begins with each of `words`."""
    joined = _joined(concept)
    return all(f"\n{word}" in joined for word in words)


def spellings(code: str, names: Sequence[str]) -> list[str]:
    """Return all spellings of a concept with this code and these names, at most 160."""
    found = [folded_start(code, LONGEST)]
    for name in names:
        found += _of_name(folded_start(name, _NAME))
    return list(dict.fromkeys(one[:LONGEST] for one in found if one))[:_MOST]


def _of_name(name: str) -> Iterator[str]:
    yield name
    for match in _WORD.finditer(name):
        yield name[match.start() :]
    for run in _HAN.finditer(name):
        text = run.group()
        yield from (name[run.start() + n :] for n in range(1, len(text)))
        yield from _sounds(text)


def _sounds(text: str) -> Iterator[str]:
    """Yield the pinyin of `text` from each character on, and the initials of that."""
    phonetics = _phonetics()
    yield from phonetics.readings(text)
    rest = [phonetics.likeliest(character) for character in text]
    for n in range(1, len(rest)):
        yield "".join(rest[n:])
        yield "".join(syllable[:1] for syllable in rest[n:])


@cache
def _phonetics() -> Phonetics:
    return load(TERMINOLOGY / "surname-readings.json")


@lru_cache(maxsize=20_000)
def _joined(concept: Concept) -> str:
    return "\n" + "\n".join(spellings(concept.code, tuple(concept.names())))
