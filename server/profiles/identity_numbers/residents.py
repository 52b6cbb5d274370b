"""ID numbers of persons, built like GB 11643: they tell the date of birth and the sex.

Citizens have 18 digits, those registered before 1999 had 15. Residence permits of people from Hong
Kong, Macao and Taiwan (81, 82, 83) and the foreigner's permanent residence card of 2023 (9) have
numbers of the same make.

Spec: GB 11643-1999, GB 11643-1989, 国办发〔2018〕81号,
https://openstd.samr.gov.cn/bzgk/gb/
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from server.profiles.identity_numbers.check_characters import of_resident

ID_NUMBER = "urn:oid:2.16.156.10011.1.3"
"""The system of the ID number (居民身份证号) in identifiers."""

_LONG = re.compile(r"[1-9][0-9]{16}[0-9X]")
_SHORT = re.compile(r"[1-9][0-9]{14}")
_BEFORE_1900 = frozenset(("996", "997", "998", "999"))
"""Order codes of 15 digits that were given to those of a hundred years and more."""


class WrongNumberError(ValueError):
    """A number breaks a rule; `message` is the key of what to say about it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Holder:
    """What a number tells: `region` is of six digits, `sex` a code of administrative-gender."""

    region: str
    born: date
    sex: str


def normal(number: str) -> str:
    """Return an ID number as it is stored: half-width, without spaces, capital X."""
    return unicodedata.normalize("NFKC", number).replace(" ", "").upper()


def upgraded(number: str) -> str:
    """Return the 18 digits of an ID number of 15; one of 18 stays as it is."""
    if len(number) != 15:
        return number
    century = "18" if number[12:] in _BEFORE_1900 else "19"
    seventeen = f"{number[:6]}{century}{number[6:]}"
    return seventeen + of_resident(seventeen)


def holder(number: str) -> Holder:
    """Return what `number`, in its normal form, tells of the person.

    Raises WrongNumberError if it has another shape, names no day, or its check character is wrong.
    """
    if not is_number(number):
        raise WrongNumberError("identity-number-shape")
    full = upgraded(number)
    try:
        born = date(int(full[6:10]), int(full[10:12]), int(full[12:14]))
    except ValueError:
        raise WrongNumberError("identity-number-no-such-day") from None
    if of_resident(full[:17]) != full[17]:
        raise WrongNumberError("identity-number-check")
    return Holder(full[:6], born, "male" if int(full[16]) % 2 else "female")


def is_number(number: str) -> bool:
    """Tell whether `number`, in its normal form, is formed like an ID number.

    Who looks for a record asks this and no more, for also a wrong number may have been stored.
    """
    return bool(_LONG.fullmatch(number) or _SHORT.fullmatch(number))
