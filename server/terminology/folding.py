"""Folding: what makes strings equal to a search that looks past how they are written.

Full-width and half-width forms, case, accents, traditional and simplified Han characters, and
the amount of white space make no difference. Between Han characters white space has no meaning:
names of two are often written with a space to be as wide as those of three.

Spec: https://hl7.org/fhir/R4/search.html#string
"""

import re
from functools import lru_cache
from unicodedata import category, normalize

import zhconv_rs

_HAN = range(0x3400, 0xA000)
_HAN_CHARACTER = re.compile("[\u3400-\u9fff]")
_ANY_HAN = "[\u3400-\u9fff\U00020000-\U0003ffff]"
_BETWEEN_HAN = re.compile(f"(?<={_ANY_HAN}) (?={_ANY_HAN})")
_CACHED = 256
_READ_FOR_EACH = 4


def _simplified() -> dict[int, str]:
    traditional = "".join(map(chr, _HAN))
    # One character at a time: in a run the converter would see words.
    simpler = {c: zhconv_rs.zhconv(c, "zh-hans") for c in traditional}
    # Twice, for the variant of a traditional character is traditional.
    pairs = ((c, simpler.get(other, other)) for c, other in simpler.items())
    return {ord(one): other for one, other in pairs if one != other and len(other) == 1}


def _plainer() -> dict[int, str | None]:
    accents = (code for code in range(0x300, 0x20000) if category(chr(code)) == "Mn")
    return {**dict.fromkeys(accents), **_simplified()}


_PLAINER = _plainer()


def folded(text: str) -> str:
    """Return `text` folded; folding twice is folding once. It has no control characters."""
    # Texts of a megabyte each, which are valid, would fill the memory.
    return _remembered(text) if len(text) <= _CACHED else _joined(text)


def folded_start(text: str, length: int) -> str:
    """Return the first `length` characters of `text` folded, in a time that they alone decide.

    What follows the first 4 * `length` characters of `text` is not read, so there may be fewer,
    if most of those are white space or accents.
    """
    return folded(text[: _READ_FOR_EACH * length])[:length]


def _joined(text: str) -> str:
    plain = freshly_folded(text)
    return plain if plain.isascii() else _BETWEEN_HAN.sub("", plain)


def freshly_folded(text: str) -> str:
    """Return `text` folded but with spaces between Han characters, and do not remember it."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = normalize("NFKD", normalize("NFKC", text).casefold())
    return " ".join(normalize("NFKC", plain.translate(_PLAINER)).casefold().split())


_remembered = lru_cache(maxsize=4096)(_joined)


def has_han(text: str) -> bool:
    """Tell whether `text` has a Han character of the common blocks."""
    return _HAN_CHARACTER.search(text) is not None
