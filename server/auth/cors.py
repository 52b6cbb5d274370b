"""Which web pages of other origins may talk to this server: those of registered apps.

What is public may be read from anywhere.

Spec: https://fetch.spec.whatwg.org/#http-cors-protocol,
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, make_response, request

from server.auth import shelves
from server.auth.clients import origins
from server.fhir.outcome import Unavailable
from server.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ALLOWED = (
    "authorization, content-type, accept, accept-language, prefer, if-match, if-none-match, "
    "if-none-exist, if-modified-since, x-provenance, x-request-id, x-security-context"
)
EXPOSED = (
    "Content-Disposition, Content-Location, ETag, Expires, Last-Modified, Location, "
    "Preference-Applied, Retry-After, WWW-Authenticate, X-Progress, X-Request-Id"
)
METHODS = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"
_PUBLIC = ("/jwks", "/.well-known/")
_KEPT_SECONDS, _AGAIN_SECONDS = 5.0, 0.2


class Origins:
    """The origins of registered apps, looked up again every few seconds."""

    def __init__(self, services: Services) -> None:
        self._shelf = services.store.shelf(shelves.CLIENTS)
        self._known: frozenset[str] = frozenset()
        self._stale_at = self._again_at = float("-inf")

    def __contains__(self, origin: object) -> bool:
        """Tell whether a registered app runs at `origin`, as far as the database can be asked."""
        # One that is not known may have been registered just now.
        due = self._stale_at if origin in self._known else self._again_at
        if time.monotonic() > due:
            self._look()
        return origin in self._known

    def _look(self) -> None:
        again = _KEPT_SECONDS
        # Without the database, what was known stays so; the answer itself says what is wrong.
        with suppress(Unavailable):
            records = self._shelf.all({"status": "approved"}, limit=10_000)
            self._known = frozenset(one for record in records for one in origins(record))
            again = _AGAIN_SECONDS
        now = time.monotonic()
        self._stale_at, self._again_at = now + _KEPT_SECONDS, now + again


def headers(origin: str, known: Origins, *, public: bool = False) -> Mapping[str, str]:
    """Return the headers by which a page of `origin` may read the answer; none if it may not."""
    if public:
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
    if origin not in known:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": ALLOWED,
        "Access-Control-Expose-Headers": EXPOSED,
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


class Known:
    """The origins of this process, made when they are first asked for."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._made: Origins | None = None

    def __call__(self) -> Origins:
        """Return the origins of registered apps."""
        self._made = self._made or Origins(self._services())
        return self._made


def allow(blueprint: Blueprint, known: Known) -> None:
    """Have registered apps talk to the endpoints of `blueprint` from their pages."""

    @blueprint.after_request
    def told(response: Response) -> Response:
        origin = request.headers.get("Origin")
        if origin is not None:
            is_public = any(part in request.path for part in _PUBLIC)
            for name, value in headers(origin, known(), public=is_public).items():
                if name == "Vary":
                    response.vary.add(value)
                else:
                    response.headers[name] = value
        return response


def preflights(blueprint: Blueprint) -> None:
    """Have browsers learn at the endpoints of `blueprint` what pages may send there."""

    @blueprint.route("/token", methods=["OPTIONS"], endpoint="preflight-token")
    @blueprint.route("/revoke", methods=["OPTIONS"], endpoint="preflight-revoke")
    @blueprint.route("/register", methods=["OPTIONS"], endpoint="preflight-register")
    @blueprint.route("/par", methods=["OPTIONS"], endpoint="preflight-par")
    @blueprint.route("/userinfo", methods=["OPTIONS"], endpoint="preflight-userinfo")
    def preflight() -> Response:
        return make_response("", 204)


class Shared:
    """The FHIR endpoint `application`, as pages of registered apps may use it."""

    def __init__(self, application: "WSGIApplication", known: Known) -> None:
        self._application = application
        self._known = known

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer as the endpoint does, with the headers that the page's origin gets."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            return self._application(environ, start_response)
        is_public = environ["PATH_INFO"] == "/metadata"
        more = list(headers(origin, self._known(), public=is_public).items())

        def started(
            status: str, given: list[tuple[str, str]], *rest: Any
        ) -> Callable[[bytes], object]:
            return start_response(status, [*given, *more], *rest)

        return self._application(environ, started)
