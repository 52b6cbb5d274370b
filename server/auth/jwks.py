"""A client's public keys: registered by value, or fetched from where the client publishes them.

What is fetched could be anything on anybody's network, so: https only, one look at the name and
only public addresses, a connection to the very address that was looked at, no redirect, few
seconds, few bytes. An address that leads to another one by itself (NAT64, 6to4, Teredo) counts as
that.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html,
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import re
import socket
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

_LARGEST = 256 * 1024
_SECONDS, _DEADLINE = Timeout(connect=3, read=5), 8.0
_PIECE = 16 * 1024
_KEPT_SECONDS, _LONGEST_SECONDS = 300.0, 3600.0
_NOT_AGAIN_SECONDS = 10.0
_MOST = 1000
_MOST_TIMES = 5
_TURNS = 64
_MAX_AGE = re.compile(r"max-age=\"?(\d{1,9})")
_UNKEPT = re.compile(r"no-store|no-cache")
_TRANSLATED, _TRANSLATED_HERE = IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48")
Address = IPv4Address | IPv6Address
Jwks = Mapping[str, Any]


class Unreachable(Exception):
    """The keys cannot be had; why is nobody's business but ours."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What came of a fetch at the time `at`: `keys`, None if there was nothing to be had.

    It was the fetch number `times` of a few seconds that have `begun` then.
    """

    keys: Jwks | None
    at: float
    good_for: float
    begun: float = 0.0
    times: int = 1


class Fetcher:
    """Fetches key sets and keeps them as long as their server allows.

    Whoever asks for tokens in a client's name makes us fetch its keys, so there are only so many
    fetches of one set in a few seconds, and one at a time. `loopback` lets plain http to this
    machine pass, which is for development only.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._known: OrderedDict[str, _Fetched] = OrderedDict()
        self._lock = Lock()
        self._turns = [Lock() for _ in range(_TURNS)]

    def keys(self, url: str, *, anew: bool = False) -> Jwks:
        """Return the key set at `url`; `anew` if what is kept lacks a key, but not all the time.

        Raises Unreachable.
        """
        known = self._kept(url, anew=anew)
        if known is None:
            with self._turns[hash(url) % _TURNS]:
                known = self._kept(url, anew=anew) or self._renewed(url)
        if known.keys is None:
            raise Unreachable
        return known.keys

    def _kept(self, url: str, *, anew: bool) -> _Fetched | None:
        with self._lock:
            known = self._known.get(url)
        if known is None or time.monotonic() - known.at >= self._patience(known, anew=anew):
            return None
        return known

    @staticmethod
    def _patience(known: _Fetched, *, anew: bool) -> float:
        """Return for how long what is known has to do; a failure is not repeated at once."""
        wait = _NOT_AGAIN_SECONDS if anew or known.keys is None else known.good_for
        if known.times < _MOST_TIMES:
            return wait
        return max(wait, known.begun + _NOT_AGAIN_SECONDS - known.at)

    def _renewed(self, url: str) -> _Fetched:
        now = time.monotonic()
        found = self._fetched(url, now)
        with self._lock:
            before = self._known.get(url)
            if before and now - before.begun < _NOT_AGAIN_SECONDS:
                found = replace(found, begun=before.begun, times=before.times + 1)
            else:
                found = replace(found, begun=now)
            self._known[url] = found
            self._known.move_to_end(url)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found

    def _fetched(self, url: str, now: float) -> _Fetched:
        try:
            return self._fetch(url, now)
        except (HTTPError, OSError, ValueError, Unreachable):
            return _Fetched(None, now, 0)

    def _fetch(self, url: str, now: float) -> _Fetched:
        parts = urlsplit(url)
        pool = self._pool(parts)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json", "Host": parts.netloc}
        with pool, pool.request(
            "GET", path, headers=headers, redirect=False, retries=False,
            timeout=_SECONDS, preload_content=False, decode_content=False,
        ) as response:  # fmt: skip
            if response.status != 200 or "json" not in response.headers.get("Content-Type", ""):
                raise Unreachable
            body = _body(response, now + _DEADLINE)
            control = response.headers.get("Cache-Control", "").lower()
        keys = orjson.loads(body)
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            raise Unreachable
        return _Fetched(keys, now, _good_for(control))

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
        ip = _meant(ip_address(address.partition("%")[0]))
        if self._loopback and ip.is_loopback:
            return True
        return is_secure and ip.is_global and not ip.is_multicast


def _meant(ip: Address) -> Address:
    """Return the address that a connection to `ip` ends at."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _TRANSLATED:
        return IPv4Address(ip.packed[-4:])
    if ip in _TRANSLATED_HERE:
        return IPv4Address(0)  # who knows how the network here is divided
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else ip)


def _body(response: BaseHTTPResponse, deadline: float) -> bytes:
    """Return the body of `response`, which has to be short and here by `deadline`."""
    read = bytearray()
    while piece := response.read1(_PIECE):
        read += piece
        if len(read) > _LARGEST or time.monotonic() > deadline:
            raise Unreachable
    return bytes(read)


def _good_for(control: str) -> float:
    """Return for how many seconds an answer with this Cache-Control may be kept."""
    if _UNKEPT.search(control):
        return 0.0
    age = _MAX_AGE.search(control)
    return min(float(age[1]), _LONGEST_SECONDS) if age else _KEPT_SECONDS
