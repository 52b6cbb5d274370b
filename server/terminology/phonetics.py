"""How names and words sound: the pinyin of Han characters, without tones, and the initials.

A character with several readings is indexed under each; as a surname, under its reading as a
surname first. ``ü`` is written v and u, as keyboards and passports do. What follows the first 64
characters of a name is not read, neither when it is indexed nor when it is searched for.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from unicodedata import normalize

import orjson

from server.terminology.folding import folded_start, has_han

_READINGS_OF_A_CHARACTER = 4
_COMBINATIONS = 16
_LONGEST = 64
_Syllables = tuple[str, ...]
_Reading = tuple[int, str, str]
"""One way to say a word: how unlikely it is, its sound, its initials."""


@dataclass(frozen=True, slots=True)
class Phonetics:
    """How characters are read, by code point, and what surnames are read differently."""

    characters: Mapping[int, str]
    surnames: Mapping[str, tuple[_Syllables, ...]]

    def of_name(self, family: str, given: str) -> list[str]:
        """Return how a name sounds: the whole of it, its given part, its initials.

        A name that is not Han sounds as it is written, folded and without spaces.
        """
        family, given = compact(family), compact(given)
        if not has_han(family + given):
            return [part for part in ((family + given)[:_LONGEST], given) if part]
        given = given[: _LONGEST - len(family)]
        readings = self._read(self._surname(family), given) if family else self._name(given)
        found = [sound for _, sound, _ in readings] + [initials for _, _, initials in readings]
        if family and given:
            found += [sound for _, sound, _ in self._read([(0, "", "")], given)]
        return found

    def of_text(self, text: str) -> list[str]:
        """Return how the whole name `text`, family first, sounds; with its initials."""
        return self.of_name("", text)

    def spoken(self, text: str) -> list[str]:
        """Return how the start of a name, `text`, sounds; without initials."""
        if has_han(text):
            return [sound for _, sound, _ in self._name(compact(text))]
        return [sound] if (sound := compact(text)) else []

    def syllables(self, character: str) -> tuple[str, ...]:
        """Return how `character` is read, the likeliest syllable first."""
        return _syllables(self.characters.get(ord(character), character))

    def _name(self, text: str) -> list[_Reading]:
        alone = self._read(self._surname(text[:1]), text[1:])
        if text[:2] not in self.surnames:
            return alone
        # 单于飞 is 单于 飞 more likely than 单 于飞, who is to be found nevertheless.
        found = self._read(self._surname(text[:2]), text[2:])
        told = {sound for _, sound, _ in found}
        return [*found, *(one for one in alone if one[1] not in told)][:_COMBINATIONS]

    def _surname(self, text: str) -> list[_Reading]:
        known = [
            (rank, "".join(syllables), "".join(syllable[:1] for syllable in syllables))
            for rank, syllables in enumerate(self.surnames.get(text, ()))
        ]
        if known and len(text) > 1:
            return known
        told = {sound for _, sound, _ in known}
        others = self._read([(len(known), "", "")], text)
        return known + [reading for reading in others if reading[1] not in told]

    def _read(self, before: list[_Reading], text: str) -> list[_Reading]:
        """Return the likeliest ways to say `text` after each of `before`."""
        found = before
        for character in text:
            syllables = _syllables(self.characters.get(ord(character), character))
            found = [
                (rank + extra, sound + syllable, initials + syllable[:1])
                for rank, sound, initials in found
                for extra, syllable in enumerate(syllables)
            ]
            if len(found) > _COMBINATIONS:
                found = sorted(found, key=lambda reading: reading[0])[:_COMBINATIONS]
        return found


def compact(text: str) -> str:
    """Return the first 64 letters and digits of `text` folded, without anything else."""
    return "".join(filter(str.isalnum, folded_start(text, 2 * _LONGEST)))[:_LONGEST]


@cache
def load(surnames: Path) -> Phonetics:
    """Return the readings of characters that pypinyin knows, and those in the file `surnames`."""
    rows = orjson.loads(surnames.read_bytes())
    return Phonetics(
        _characters(),
        {name: tuple(tuple(text.split()) for text in texts) for name, texts in rows.items()},
    )


def _characters() -> dict[int, str]:
    # The package itself would load its dictionary of phrases, too, which takes 40 MB.
    package = importlib.util.find_spec("pypinyin")
    if package is None or package.origin is None:
        message = "pypinyin is not installed."
        raise ModuleNotFoundError(message)
    file = Path(package.origin).with_name("pinyin_dict.json")
    return {int(code): texts for code, texts in orjson.loads(file.read_bytes()).items()}


@lru_cache(maxsize=4096)
def _syllables(readings: str) -> tuple[str, ...]:
    """Return the different syllables among `readings` (``dān,chán,shàn``), without tones."""
    plain: list[str] = []
    for reading in readings.split(","):
        spelled = normalize("NFD", reading)
        if "u\u0308" in spelled:
            plain.append(_toneless(spelled.replace("u\u0308", "v")))
        plain.append(_toneless(spelled))
    return tuple(dict.fromkeys(plain))[:_READINGS_OF_A_CHARACTER]


def _toneless(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c == "'").replace("ê", "e")
