"""Codes of administrative divisions, whose beginnings are the divisions above.

Two digits name a province, four a prefecture, six a county (GB/T 2260), nine a township
(GB/T 10114) and twelve a village. A province's code may be filled up with zeros to six digits.
"""

import re

_CODE = re.compile(r"[1-9][0-9](?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?)?")
_LEVELS = (2, 4, 6, 9, 12)


def is_code(text: str) -> bool:
    """Tell whether `text` is formed like the code of a division."""
    return _CODE.fullmatch(text) is not None


def prefix(code: str) -> str:
    """Return what the codes of all divisions in `code` begin with: ``3506`` of ``350600``."""
    shortest = code
    if len(code) == 6:
        shortest = code.removesuffix("00").removesuffix("00")
    return shortest


def above(code: str) -> list[str]:
    """Return `code` and the divisions it lies in, from the province down, as prefixes."""
    last = prefix(code)
    return [last[:length] for length in _LEVELS if length <= len(last)]
