"""Telling quickly that a cell is right as it stands, which most are.

What is not told to be right here is read slowly by `server.records.cells`, and may be right after
all. Nothing is told to be right that would be read as something else.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

from server.records.cells import LONG_TEXT, SPACES, Column, Known

_has_full_width = re.compile(r"[\uff01-\uff5e]").search


def is_right(column: Column) -> Callable[[str], bool]:
    """Return what tells quickly that a text is what `read` would return for it, saying nothing.

    It may say no of a text that is right.
    """
    return _RIGHT.get(column.kind, _never)(column)


def _never(_: Column) -> Callable[[str], bool]:
    return lambda _: False


def _right_code(column: Column) -> Callable[[str], bool]:
    return frozenset(
        text for text, known in column.codes.items() if known == Known(text)
    ).__contains__


def _right_number(column: Column) -> Callable[[str], bool]:
    room = column.most - (column.decimals + 1 if column.decimals else 0)
    rest = rf"(?:\.[0-9]{{1,{column.decimals}}})?" if column.decimals else ""
    shape = re.compile(rf"(?:0|[1-9][0-9]{{0,{max(room, 1) - 1}}}){rest}").fullmatch
    return lambda text: shape(text) is not None


def _right_text(column: Column) -> Callable[[str], bool]:
    if column.letters != "AN":
        return _never(column)
    edges, least, most = SPACES + "-－—/Nn", max(column.least, 1), column.most
    is_long = most > LONG_TEXT
    return lambda text: (
        least <= len(text) <= most
        and text[0] not in edges
        and text[-1] not in edges
        and (is_long or _has_full_width(text) is None)
        and text not in column.codes
    )


def _right_digits(column: Column) -> Callable[[str], bool]:
    least, most = max(column.least, 1), column.most
    return lambda text: least <= len(text) <= most and text.isascii() and text.isdecimal()


def _right_day(_: Column) -> Callable[[str], bool]:
    return lambda text: len(text) == 8 and text.isascii() and text.isdecimal() and _is_day(text)


def _right_flag(_: Column) -> Callable[[str], bool]:
    return frozenset(("T", "F")).__contains__


_RIGHT: Mapping[str, Callable[[Column], Callable[[str], bool]]] = {
    "code": _right_code,
    "number": _right_number,
    "text": _right_text,
    "digits": _right_digits,
    "date": _right_day,
    "flag": _right_flag,
}


@lru_cache(4096)
def _is_day(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
