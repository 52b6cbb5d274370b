"""How concepts are found as somebody types: by code, by words, by Han characters, by pinyin.

Every concept has *spellings*: its code, each word of its names, Han text from each character on,
and the pinyin of that, in full and by initials. Words that are asked for have to be the
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

LONGEST = 16
"""Of a spelling, and of a word that is asked for, no more characters count."""
_MOST = 160
_READINGS = 4
_MOST_WORDS = 8
_NAME = 200
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]+")
_TOKEN = re.compile(r"\S+")
_START = re.compile(r"(?<![^\W_])[^\W_]")


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
    for token in _TOKEN.findall(name):
        yield token
        yield from (token[found.start() :] for found in _START.finditer(token))
        for run in _HAN.finditer(token):
            yield from (token[place:] for place in range(run.start() + 1, run.end()))
            yield from _sounds(run.group())


def _sounds(text: str) -> Iterator[str]:
    """Yield the pinyin of `text` from each character on, and the initials of that.

    Characters with several readings are heard in each, as long as those of a text are few; from a
    later character on, in the likeliest.
    """
    known = [_phonetics().syllables(character) for character in text]
    whole = [("", "")]
    for heard in known:
        some = heard if len(whole) < _READINGS else heard[:1]
        whole = [(sound + one, start + one[:1]) for sound, start in whole for one in some]
    for sound, start in whole:
        yield sound
        yield start
    sound = start = ""
    for heard in reversed(known[1:]):
        sound, start = (heard[0] + sound)[:LONGEST], (heard[0][:1] + start)[:LONGEST]
        yield sound
        yield start


@cache
def _phonetics() -> Phonetics:
    return load(TERMINOLOGY / "surname-readings.json")


@lru_cache(maxsize=20_000)
def _joined(concept: Concept) -> str:
    return "\n" + "\n".join(spellings(concept.code, tuple(concept.names())))
