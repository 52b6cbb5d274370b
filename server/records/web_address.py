"""Addresses of the web in what others say of themselves.

Spec: https://www.rfc-editor.org/rfc/rfc3986
"""

from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError


def parts(value: str) -> SplitResult:
    """Return the parts of `value`. Raises ValidationError if it is no address, or not in ASCII."""
    try:
        found = urlsplit(value)
        found.port  # noqa: B018  # raises ValueError if it is none
    except ValueError:
        raise ValidationError("url") from None
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise ValidationError("url")
    return found


def check_https(value: str) -> None:
    """Raise ValidationError unless `value` is an address over TLS, without anybody's name in it."""
    found = parts(value)
    if found.scheme != "https" or not found.hostname or found.username is not None:
        raise ValidationError("https")
