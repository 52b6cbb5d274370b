r"""Texts of a query: where they divide, what escapes stand for, and which strings are alike.

Spec: https://hl7.org/fhir/R4/search.html#escaping, https://hl7.org/fhir/R4/search.html#string
"""

import unicodedata

# The only pairs that the generator uses, so that no table of Han characters is needed here.
TRADITIONAL = {"張": "张", "陳": "陈", "劉": "刘", "醫": "医", "單": "单", "診": "诊", "體": "体"}


def divided(text: str, divider: str) -> list[str]:
    """Return the parts of `text` between dividers without a backslash before; still escaped."""
    parts, start, place = [], 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text[place] == divider:
            parts.append(text[start:place])
            place += 1
            start = place
        else:
            place += 1
    return [*parts, text[start:]]


def plain(text: str) -> str:
    """Return `text` without its escapes."""
    found, place = "", 0
    while place < len(text):
        if text[place] == "\\" and text[place + 1 : place + 2] in (",", "$", "|", "\\"):
            place += 1
        found += text[place : place + 1]
        place += 1
    return found


def escaped(text: str) -> str:
    """Return `text` as it stands in a query's value."""
    return "".join(f"\\{letter}" if letter in "\\,$|" else letter for letter in text)


def folded(text: str) -> str:
    """Return what of `text` counts where case, accents, width and script do not."""
    wide = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", wide)
    bare = "".join(c for c in apart if unicodedata.category(c) != "Mn")
    simple = "".join(TRADITIONAL.get(c, c) for c in unicodedata.normalize("NFKC", bare))
    return " ".join(simple.split())


def has_han(text: str) -> bool:
    """Tell whether `text` has a common Han character."""
    return any("㐀" <= c <= "鿿" for c in text)
