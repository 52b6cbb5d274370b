"""How the standards write what a value looks like: ``AN..50``, ``N3,1``, ``D8``, ``T/F``.

A letter tells which signs (A letters, N digits, AN both), a number how many, ``..`` up to how many.
Behind a comma stands how many of them may follow the point; the point itself counts.

Spec: WS 363.1-2011 卫生信息数据元目录 第1部分：总则, 5.1.6,
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import re
from dataclasses import dataclass

TYPES = ("S1", "S2", "S3", "L", "N", "D", "DT", "T", "BY")
_FORMAT = re.compile(r"(A|N|AN|D|DT)(?:(?:([0-9]+)?(\.\.))?([0-9]+))?(?:,([0-9]+))?")
_LONGEST_NUMBER_OF_SIGNS = 30


class WrongFormatError(ValueError):
    """A table writes a format that the standard does not know."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format. `kind` is how `Column` calls it; a number has `decimals` behind its point."""

    kind: str
    least: int = 0
    most: int = 1000
    decimals: int = 0
    letters: str = "AN"


def parsed(type: str, format: str) -> Format:
    """Return what `format` of the data type `type` means. Raises WrongFormatError."""
    if type == "L" and format == "T/F":
        return Format("flag", 1, 1)
    match = _FORMAT.fullmatch(format)
    if match is None or type not in TYPES:
        message = f"There is no format {format} of type {type}."
        raise WrongFormatError(message)
    letters, first, dots, last, decimals = match.groups()
    most = int(last) if last else 1000
    least = int(first) if first else (0 if dots or not last else most)
    kind = _kind(type, letters, most)
    # A number need not be written with as many digits as it may have.
    return Format(kind, 0 if kind == "number" else least, most, int(decimals or 0), letters)


def _kind(type: str, letters: str, most: int) -> str:
    match type:
        case "D":
            return "date"
        case "DT":
            return "dateTime"
        case "N":
            return "number"
        case "S2" | "S3":
            return "code"
    if letters == "N":
        return "digits"
    return "text" if letters == "A" or most > _LONGEST_NUMBER_OF_SIGNS else "marks"
