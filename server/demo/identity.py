"""Numbers that look like a resident's, and belong to nobody.

An ID number (公民身份号码, GB 11643-1999) begins with the code of the county
that issued it. These begin with the code of a whole prefecture, under which
no number is issued, and are right in all else: birth date, parity of the sex,
check character. So software can check them, and they name no living person.
"""

from datetime import date, timedelta

from server.profiles.identity_numbers.check_characters import of_resident

_ORDERS = 480
_DAYS = 365
CAPACITY = _ORDERS * _DAYS
"""How many residents can have different numbers."""


def birthday(number: int, seed: int, years: int, reference: date) -> date:
    """Return the birth date of resident `number`, who is `years` old at `reference`.

    The day of the year and the order code together differ for any two
    residents, whatever their years, so that their ID numbers differ.
    """
    order = _order(number)
    day = (number // _ORDERS * 127 + order * 211 + seed * 53) % _DAYS
    born = date(reference.year - years, 1, 1) + timedelta(day)
    if (born.month, born.day) >= (reference.month, reference.day):
        born = date(reference.year - years - 1, 1, 1) + timedelta(day)
    return born


def identity_number(prefecture: str, born: date, number: int, sex: str) -> str:
    """Return the ID number of resident `number`; `prefecture` is its six-digit code."""
    order = _order(number) * 2 + (1 if sex == "male" else 2)
    seventeen = f"{prefecture}{born:%Y%m%d}{order:03d}"
    return seventeen + of_resident(seventeen)


def _order(number: int) -> int:
    # 187 and 480 have no common divisor: neighbours get distant codes, no two the same.
    return number * 187 % _ORDERS


def record_number(prefecture: str, number: int) -> str:
    """Return a health record number (健康档案编号, 17 digits) under no township and no village."""
    return f"{prefecture}{number:011d}"


def phone(number: int) -> str:
    """Return an eleven-digit phone number with the prefix 100, which no subscriber has."""
    return f"100{number * 7_654_321 % 100_000_000:08d}"
