"""Passwords: which are good enough, and how they are kept.

Spec: https://www.rfc-editor.org/rfc/rfc9106, https://pages.nist.gov/800-63-4/sp800-63b.html
"""

from collections.abc import Collection

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.fhir.outcome import Unprocessable

LONG_ENOUGH, SHORTEST, LONGEST = 12, 8, 256
_KINDS = 3
_COMMON = (
    "password", "qwerty", "asdfgh", "iloveyou", "admin", "welcome", "12345678",
    "87654321", "11111111", "88888888", "abcd1234", "woaini", "tongkang", "letmein",
)  # fmt: skip
_WRITTEN = str.maketrans("@4301$5", "aaeoiss")
"""What people write for letters."""
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")


def hashed(password: str) -> str:
    """Return what is kept of `password`."""
    return _hasher.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Tell whether `password` is what `kept` was made of.

    Without `kept` it takes as long, so that nobody learns whether there is an account.
    """
    try:
        return _hasher.verify(kept or _NOBODY, password[:LONGEST]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Tell whether `kept` was made with other parameters than are used now."""
    return _hasher.check_needs_rehash(kept)


def require_good(password: str, unlike: Collection[str] = ()) -> None:
    """Raise Unprocessable unless `password` is long, mixed and none of what others try first.

    `unlike` is what is known of the person: name, numbers.
    """
    kinds = sum(
        any(test(letter) for letter in password)
        for test in (str.islower, str.isupper, str.isdigit, _is_other)
    )
    is_long = len(password) >= LONG_ENOUGH
    if not (SHORTEST <= len(password) <= LONGEST) or not (is_long or kinds >= _KINDS):
        raise Unprocessable.because("password-weak", "password", long=LONG_ENOUGH, short=SHORTEST)
    low = password.lower()
    known = [part.lower() for part in unlike if len(part) > 1]
    said = low.translate(_WRITTEN)
    if any(word in low or word in said for word in (*_COMMON, *known)) or len(set(low)) < 5:
        raise Unprocessable.because("password-guessable", "password")


def _is_other(letter: str) -> bool:
    return not letter.isalnum()
