"""The FHIR endpoint: every method on every URL below the base.

It is an application of its own, mounted into Flask's: a request costs a third of what
it costs through Flask's routing, contexts and response objects, and no answer
of Flask's own, which would be HTML, can come in between.
"""

import re
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from uuid_utils import uuid4

from server import door
from server.access.caller import Caller
from server.access.policy import ANYBODY, FREE, Access
from server.api import body, negotiation, recording, requests, responses, telemetry
from server.api.responses import Manner, Response
from server.api.streaming import Teller
from server.audit import failures
from server.audit.event import Event
from server.auth import bearer
from server.context import Context
from server.fhir.formats import FHIR_JSON, XML_TYPES
from server.fhir.outcome import FhirError, Issue, Unavailable
from server.interactions.call import Call, Result
from server.interactions.patch import PATCH_TYPES
from server.jobs import desk
from server.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Authenticate = Callable[[Services, Mapping[str, Any]], Access]
"""Returns the access of who makes the request of a WSGI environment, or raises Unauthenticated."""
_ATTEMPTS = 4
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class InternalError(FhirError):
    """The server failed; what happened is in its log, never in the answer."""


class FhirEndpoint:
    """A WSGI application for all below the base; it asks `services` once a process is ready."""

    def __init__(self, services: Callable[[], Services], authenticate: Authenticate) -> None:
        self._services = services
        self._authenticate = authenticate

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer as WSGI asks; a HEAD request gets the headers of the GET."""
        response = _Exchange(self._services(), environ, self._authenticate).answer()
        start_response(response.status_line, response.headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            return ()
        return response.rest or (response.body,)


class _Exchange:
    """One request and its answer; it remembers what the log needs if the answer is a refusal."""

    __slots__ = (
        "access",
        "announced",
        "authenticate",
        "call",
        "environ",
        "has_asked",
        "is_recorded",
        "manner",
        "path",
        "services",
    )

    def __init__(
        self, services: Services, environ: Mapping[str, Any], authenticate: Authenticate
    ) -> None:
        self.services = services
        self.authenticate = authenticate
        self.environ = environ
        self.path = (
            environ["PATH_INFO"].removeprefix("/").encode("latin-1").decode("utf-8", "replace")
        )
        self.call: Call | None = None
        self.access: Access | None = None
        self.has_asked = False
        self.announced: object = None
        settings = services.interpreters.settings
        self.is_recorded = settings.access != "open"
        given, query = environ.get("HTTP_X_REQUEST_ID", ""), environ.get("QUERY_STRING", "")
        self.manner = Manner(
            given if _REQUEST_ID.fullmatch(given) else str(uuid4()),
            negotiation.language(environ.get("HTTP_ACCEPT_LANGUAGE"), settings.language),
            negotiation.likely_content_type(environ.get("HTTP_ACCEPT"), query),
            "_pretty=true" in query,
            settings.base_url,
            services.interpreters.xml,
        )

    def answer(self) -> Response:
        """Return the response to the request."""
        started = time.perf_counter()
        try:
            response = self._settled()
        except Exception as error:  # noqa: BLE001  # the last resort: no caller may see a trace
            response = self._refused(self._failure(error))
        if response.rest is not None and self.environ["REQUEST_METHOD"] != "HEAD":
            return replace(response, rest=self._sent(response, response.rest, started))
        self._log(response, started, len(response.body))
        return response

    def _sent(
        self, response: Response, rest: Generator[bytes, None, None], started: float
    ) -> Generator[bytes, None, None]:
        """Yield all of the body of `response`; once that has ended, whichever way, log it."""
        size = 0
        try:
            with closing(rest):
                for body in chain((response.body,), rest):
                    yield body
                    size += len(body)
        finally:
            self._log(response, started, size)

    def _settled(self) -> Response:
        """Return the response once the trail has it.

        What was read with rights that may have been withdrawn meanwhile is done over, so that
        nobody is given it who has them no more.
        """
        if not self.is_recorded:
            return self._response(self._outcome(), 0)
        trail = self.services.trail
        trail.begin()
        for _ in range(_ATTEMPTS):
            epoch = trail.epoch()
            answer = self._outcome()
            response = self._response(answer, epoch)
            now = trail.append(self._event(answer), self.announced)
            if now == epoch or self.access is None or isinstance(answer, FhirError):
                return response
            # A change is done once, with rights that were looked up for it alone.
            if self.call is not None and desk.changes(self.services.interpreters, self.call):
                return response if answer.unread is None else self._without_reads(answer)
        raise Unavailable.because("trail-unavailable")

    def _without_reads(self, answer: Result) -> Response:
        """Return `answer`, of a bundle, without what it has read with rights that have ended."""
        return self._response(replace(answer, body=answer.unread or b""), 0)

    def _outcome(self) -> Result | FhirError:
        try:
            return self._performed()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is an answer
            return self._failure(error)

    def _failure(self, error: Exception) -> FhirError:
        """Return what to tell the caller of `error`; the log gets to know more."""
        refusal = error if isinstance(error, FhirError) else None
        if refusal is None:
            failures.record(error, self.manner.request_id)
            return InternalError(Issue("exception", "server-failed"))
        if refusal.status >= 500:
            failures.record(error.__cause__ or error, self.manner.request_id)
        return refusal

    def _event(self, answer: Result | FhirError, part: int | None = None) -> Event:
        if part is None and isinstance(answer, Result) and answer.rest is not None:
            part = 1
        id, caller = self.manner.request_id, self._caller()
        asked = recording.Asked(self.environ, self.path, id, self.call, caller, part)
        return recording.event(self.services.interpreters, asked, answer)

    def _caller(self) -> Caller | None:
        """Return who is calling, also of what was refused before that was asked."""
        if not self.has_asked and "HTTP_AUTHORIZATION" in self.environ:
            with suppress(FhirError):
                self.access = self._authenticated()
        return None if self.access is None else self.access.caller

    def _performed(self) -> Result:
        environ, interpreters, path = self.environ, self.services.interpreters, self.path
        if environ["REQUEST_METHOD"] == "OPTIONS":
            methods = door.methods(interpreters, path)
            patches = {"Accept-Patch": ", ".join(PATCH_TYPES)} if "PATCH" in methods else {}
            return Result(status=204, headers={"Allow": ", ".join(methods), **patches})
        if self.call is None:  # else it is done over, and the body of a search has been read
            door.require_method(interpreters, environ["REQUEST_METHOD"], path)
            self.call = requests.call(environ, path, interpreters.types, interpreters.settings)
        self.manner = self._negotiated(self.call)
        is_free = self.call.interaction in FREE
        access = self.access = ANYBODY if is_free else self._authenticated()
        if self.is_recorded:
            is_look = environ["REQUEST_METHOD"] in ("GET", "HEAD")
            self.announced = self.services.trail.announce(is_change=not is_look)
        context = Context.of(self.services, access, self.manner.language)
        answer = desk.begin(context, self._in_json(self.call), self._origin)
        return answer if self.manner.takes_pieces else answer.whole()

    def _in_json(self, call: Call) -> Call:
        """Return `call` with its body in JSON, which nothing behind the door knows otherwise.

        Only those who may call at all have the server read XML, which takes it longer.
        """
        if not (call.body and call.content_type in XML_TYPES) or call.raw_type is not None:
            return call
        body = self.services.interpreters.xml.read(call.body)
        return replace(call, body=body, content_type=FHIR_JSON)

    def _origin(self) -> desk.Origin:
        """Return what is kept of this request if it is left to be done later."""
        is_asked = self.services.interpreters.settings.access != "open"
        token = bearer.presented(self.environ) if is_asked else None
        return desk.Origin(token, self._event(Result(status=202)))

    def _authenticated(self) -> Access:
        self.has_asked = True
        return self.authenticate(self.services, self.environ)

    def _response(self, answer: Result | FhirError, epoch: int) -> Response:
        """Return the response, whose rest, if it has one, is told from this `epoch` on."""
        if isinstance(answer, FhirError):
            return self._refused(answer)
        response = responses.answer(answer, self.manner)
        if answer.rest is None or self.access is None:
            return response
        teller = Teller(
            self.manner.request_id,
            self.access,
            self._authenticated,
            self._event,
            self._failure,
            self.services.trail if self.is_recorded else None,
        )
        return replace(response, rest=teller.bodies(answer.rest, epoch))

    def _negotiated(self, call: Call) -> Manner:
        """Return the manner that the parameters of `call` and the Accept header ask for."""
        asked = dict(call.query)
        content_type = negotiation.content_type(
            self.environ.get("HTTP_ACCEPT"), asked.get("_format"), has_content=bool(call.accepts)
        )
        pretty = asked.get("_pretty") == "true"
        if (content_type, pretty) == (self.manner.content_type, self.manner.pretty):
            return self.manner
        return replace(self.manner, content_type=content_type, pretty=pretty)

    def _refused(self, error: FhirError) -> Response:
        if self.call is None:
            body.drain(self.environ, self.services.interpreters.settings.max_body)
        return responses.refusal(error, self.manner)

    def _log(self, response: Response, started: float, size: int) -> None:
        telemetry.record(
            telemetry.Answered(
                self.manner.request_id,
                self.environ["REQUEST_METHOD"],
                self.call.interaction if self.call else "none",
                self.call.type if self.call else None,
                response.status,
                time.perf_counter() - started,
                size,
            )
        )
