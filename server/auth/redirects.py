"""Where answers may be sent: the registered addresses of a client, compared as text.

Only the port of a loopback address may differ, for a native app cannot choose it beforehand.

Spec: https://www.rfc-editor.org/rfc/rfc9700#section-2.1, https://www.rfc-editor.org/rfc/rfc8252#section-7.3
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:/[!-~]*)?)")


def is_registered(address: str, registered: Iterable[str]) -> bool:
    """Tell whether `address` is one of the addresses `registered`."""
    return any(address == one or _is_same_but_port(address, one) for one in registered)


def extended(address: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return `address` with `parameters` at the end of its query.

    A value may have bytes that are no UTF-8, as surrogates (PEP 383); they are sent as they came.
    """
    query = "&".join(f"{name}={_encoded(value)}" for name, value in parameters)
    return f"{address}{'&' if '?' in address else '?'}{query}"


def origin(address: str) -> str:
    """Return what a browser's policy calls the place of `address`: its origin, or its scheme."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _is_same_but_port(address: str, registered: str) -> bool:
    given, known = _LOOPBACK.fullmatch(address), _LOOPBACK.fullmatch(registered)
    return bool(given and known and given.groups() == known.groups() and "#" not in address)


def _encoded(value: str) -> str:
    return quote(value, safe="", errors="surrogateescape")
