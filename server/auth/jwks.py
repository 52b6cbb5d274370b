"""A client's public keys: registered by value, or fetched from where the client publishes them.

What is fetched could be anything on anybody's network, so: https only, one look at the name and
only public addresses, a connection to the very address that was looked at, no redirect, few
seconds, few bytes.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html,
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import re
import socket
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

_LARGEST = 256 * 1024
_SECONDS = Timeout(connect=3, read=5, total=8)
_KEPT_SECONDS, _LONGEST_SECONDS = 300.0, 3600.0
_NOT_AGAIN_SECONDS = 10.0
_MOST = 1000
_MAX_AGE = re.compile(r"max-age=(\d{1,9})")
Jwks = Mapping[str, Any]


class Unreachable(Exception):
    """The keys cannot be had; why is nobody's business but ours."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Jwks
    at: float
    good_for: float


class Fetcher:
    """Fetches key sets and keeps them as long as their server allows.

    `loopback` lets plain http to this machine pass, which is for development only.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._known: OrderedDict[str, _Fetched] = OrderedDict()
        self._lock = Lock()

    def keys(self, url: str, *, anew: bool = False) -> Jwks:
        """Return the key set at `url`; `anew` if what is kept lacks a key, but not all the time.

        Raises Unreachable.
        """
        now = time.monotonic()
        with self._lock:
            known = self._known.get(url)
        if known is not None:
            age = now - known.at
            if age < (_NOT_AGAIN_SECONDS if anew else known.good_for):
                return known.keys
        fetched = self._fetch(url, now)
        with self._lock:
            self._known[url] = fetched
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return fetched.keys

    def _fetch(self, url: str, now: float) -> _Fetched:
        try:
            parts = urlsplit(url)
            pool = self._pool(parts)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Accept": "application/json", "Host": parts.netloc}
            with pool, pool.request(
                "GET", path, headers=headers, redirect=False, retries=False,
                timeout=_SECONDS, preload_content=False,
            ) as response:  # fmt: skip
                body = response.read(_LARGEST + 1)
                if response.status != 200 or len(body) > _LARGEST:
                    raise Unreachable
                age = _MAX_AGE.search(response.headers.get("Cache-Control", ""))
            keys = orjson.loads(body)
        except (HTTPError, OSError, ValueError) as error:
            raise Unreachable from error
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            raise Unreachable
        good_for = min(float(age[1]), _LONGEST_SECONDS) if age else _KEPT_SECONDS
        return _Fetched(keys, now, good_for)

    def _pool(self, parts: SplitResult) -> HTTPConnectionPool:
        """Return a pool that connects to an address that was looked at, and to no other."""
        host, is_secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        if parts.username is not None or not host:
            raise Unreachable
        address = self._address(host, port, is_secure=is_secure)
        if not is_secure:
            return HTTPConnectionPool(address, port, maxsize=1)
        return HTTPSConnectionPool(
            address, port, maxsize=1, assert_hostname=host, server_hostname=host
        )

    def _address(self, host: str, port: int, *, is_secure: bool) -> str:
        found = {
            str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        }
        for address in found:
            if not self._may_be(address, is_secure=is_secure):
                raise Unreachable
        return min(found)

    def _may_be(self, address: str, *, is_secure: bool) -> bool:
        ip = ip_address(address.partition("%")[0])
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        if self._loopback and mapped.is_loopback:
            return True
        return is_secure and mapped.is_global and not mapped.is_multicast
