"""Check characters of Chinese identity numbers.

Spec: GB 11643-1999 公民身份号码, GB 11714-1997 组织机构代码, GB 32100-2015 统一社会信用代码,
https://openstd.samr.gov.cn/bzgk/gb/
"""

from collections.abc import Iterable

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""What a unified social credit code is written with: I, O, S, V and Z look like digits."""

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK = "10X98765432"
_ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANIZATION_CHECK = "0X987654321"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def of_resident(seventeen: str) -> str:
    """Return the last character of the ID number that begins with these digits (MOD 11-2)."""
    return _RESIDENT_CHECK[_sum(map(int, seventeen), _RESIDENT_WEIGHTS) % 11]


def of_organization(eight: str) -> str:
    """Return the last character of the organisation code that begins so: digits, capitals."""
    return _ORGANIZATION_CHECK[_sum((int(one, 36) for one in eight), _ORGANIZATION_WEIGHTS) % 11]


def of_credit_code(seventeen: str) -> str:
    """Return the last character of the unified social credit code that begins so (MOD 31-3)."""
    total = _sum(map(CREDIT_ALPHABET.index, seventeen), _CREDIT_WEIGHTS)
    return CREDIT_ALPHABET[-total % 31]


def _sum(values: Iterable[int], weights: tuple[int, ...]) -> int:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))
