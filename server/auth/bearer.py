"""From a bearer token to the access that it gives: who calls, and what they may do.

What was found out once is kept for as long as no token has been revoked since: the trail, which
every answer passes before it leaves, tells when one was. It is kept for a minute at most, for some
rights end by themselves: a session that is left alone, the bond to a child that has grown up.

Spec: https://www.rfc-editor.org/rfc/rfc6750
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from secrets import token_bytes
from threading import Lock
from time import time
from typing import Any

from server.access import source
from server.access.policy import Access
from server.auth import rights, shelves
from server.auth.tokens import Tokens
from server.fhir.outcome import BadRequest, Unauthenticated
from server.identity.throttle import Throttle
from server.services import Services

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LONGEST = 4096
_MOST = 10_000
_KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Known:
    """What a token gives until `expires` (seconds since 1970), found out in this `epoch`."""

    access: Access
    expires: float
    epoch: int


class Bearers:
    """The callers of one process, by their tokens; `epoch` grows when any token is revoked."""

    def __init__(self, services: Services, epoch: Callable[[], int]) -> None:
        self._services = services
        self._tokens = Tokens(services.store.shelf(shelves.TOKENS), lambda: None)
        self._epoch = epoch
        # By a digest of the whole header: a process keeps no token, nor reads one again.
        self._digest = partial(blake2b, key=token_bytes(32), digest_size=32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._lock = Lock()

    def access(self, environ: Mapping[str, Any]) -> Access:
        """Return the access of who makes the request of a WSGI environment.

        Raises Unauthenticated if there is no token, or none that is good, TooMany in the end;
        BadRequest if there are two.
        """
        header = environ.get("HTTP_AUTHORIZATION", "")
        name = self._digest(header.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(name)
        is_look = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if known and is_look and known.epoch == self._epoch() and known.expires > time():
            return known.access
        token = presented(environ)
        try:
            found = self._found(token)
        except Unauthenticated:
            trusted = self._services.interpreters.settings.trusted_proxies
            # Who guesses is told to wait; a token that is good is good all the while.
            Throttle(self._services).attempt("token", source.address(environ, trusted) or "")
            raise
        if is_look:
            with self._lock:
                self._known[name] = found
                if len(self._known) > _MOST:
                    self._known.popitem(last=False)
        return found.access

    def _found(self, token: str) -> _Known:
        # The epoch first: what is revoked meanwhile is noticed with the next answer.
        epoch = self._epoch()
        record = self._tokens.find(token)
        if record is None or record["kind"] != "access":
            raise refused("token-unknown")
        found = rights.of(self._services, record)
        if found is None:
            raise refused("token-unknown")
        expires = min(record["expires_at"].timestamp(), time() + _KEPT_SECONDS)
        return _Known(self._services.access(found), expires, epoch)


def presented(environ: Mapping[str, Any]) -> str:
    """Return the token in the Authorization header.

    Raises Unauthenticated if there is none that is formed like one, BadRequest if there are two.
    """
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if header is None:
        error = Unauthenticated.because("token-missing")
        error.headers["WWW-Authenticate"] = 'Bearer realm="tongkang"'
        raise error
    if "," in header:
        raise BadRequest.because("token-twice")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token) or len(token) > _LONGEST:
        raise refused("token-malformed")
    return token


def refused(message: str) -> Unauthenticated:
    """Return the refusal of a token."""
    error = Unauthenticated.because(message)
    error.headers["WWW-Authenticate"] = 'Bearer realm="tongkang", error="invalid_token"'
    error.headers["Cache-Control"] = "no-store"
    return error
