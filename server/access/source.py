"""Where a request comes from, as the nearest trusted proxy tells it.

Spec: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For#selecting_an_ip_address
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any


def address(environ: Mapping[str, Any], trusted: str) -> str | None:
    """Return the IP address that a request comes from; `trusted` are those that name another."""
    return _address(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR"), trusted)


@lru_cache(maxsize=4096)
def _address(peer: str, forwarded: str | None, trusted: str) -> str | None:
    """Return what the nearest proxy says if it is `trusted`; the rest anybody may write."""
    told = (forwarded or "").rpartition(",")[2].strip()
    for text in (told, peer) if _is_trusted(peer, trusted) else (peer,):
        try:
            return str(ip_address(text))
        except ValueError:
            continue
    return None


def _is_trusted(peer: str, trusted: str) -> bool:
    if trusted == "*":
        return True
    try:
        found = ip_address(peer)
    except ValueError:
        return False
    return any(found in ip_network(one.strip(), strict=False) for one in trusted.split(","))
