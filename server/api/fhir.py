"""The FHIR endpoint: one view for every URL below the base."""

import logging
import re
import time
from collections.abc import Callable
from urllib.parse import unquote

from flask import Blueprint, Response, request
from uuid_utils import uuid4

from server.access.policy import OPEN
from server.api import negotiation, requests, responses, telemetry
from server.context import Context
from server.fhir.messages import Language
from server.fhir.outcome import FhirError, Issue
from server.interactions.call import Call
from server.interactions.door import perform
from server.services import Services

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FORMAT = re.compile(r"(?:^|&)_format=([^&]*)")
_PRETTY = re.compile(r"(?:^|&)_pretty=true(?:&|$)")
_log = logging.getLogger("tongkang.error")


class InternalError(FhirError):
    """The server failed; what happened is in its log, never in the answer."""


def endpoint(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of the FHIR endpoint, which asks `services` once a process is ready."""
    blueprint = Blueprint("fhir", __name__)

    def view(path: str = "") -> Response:
        return _Exchange(services()).answer(path)

    for rule, name in (("/", "base"), ("/<path:path>", "below")):
        blueprint.add_url_rule(
            rule, name, view, methods=METHODS, provide_automatic_options=False
        )
    return blueprint


class _Exchange:
    """One request and its answer; it remembers what the log needs if the answer is a refusal."""

    __slots__ = ("call", "content_type", "language", "pretty", "request_id", "services", "started")

    def __init__(self, services: Services) -> None:
        environ = request.environ
        self.started = time.perf_counter()
        self.services = services
        self.call: Call | None = None
        given = environ.get("HTTP_X_REQUEST_ID", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
        default: Language = services.interpreters.settings.language
        self.language = negotiation.language(environ.get("HTTP_ACCEPT_LANGUAGE"), default)
        self.content_type = negotiation.FHIR_JSON
        self.pretty = _PRETTY.search(environ.get("QUERY_STRING", "")) is not None

    def answer(self, path: str) -> Response:
        """Return the response to the request for `path`, which is relative to the base."""
        try:
            response = self._performed(path)
        except FhirError as error:
            response = self._refused(error)
        except Exception:
            # The last resort of the face: no caller may ever see a trace.
            _log.exception("failed", extra={"request_id": self.request_id})
            response = self._refused(InternalError(Issue("exception", "server-failed")))
        response.headers["X-Request-Id"] = self.request_id
        self._record(response)
        return response

    def _performed(self, path: str) -> Response:
        environ = request.environ
        interpreters = self.services.interpreters
        types = interpreters.types
        if environ["REQUEST_METHOD"] == "OPTIONS":
            allowed = ", ".join(requests.methods(path, types))
            return Response(b"", 204, [("Allow", allowed)], content_type=None)
        named = _FORMAT.search(environ.get("QUERY_STRING", ""))
        self.content_type = negotiation.content_type(
            environ.get("HTTP_ACCEPT"), unquote(named[1]) if named else None
        )
        self.call = requests.call(environ, path, types, interpreters.settings)
        context = Context.of(self.services, OPEN, self.language)
        result = perform(context, self.call)
        base_url = interpreters.settings.base_url
        return responses.answer(
            result, base_url, self.content_type, self.language, pretty=self.pretty
        )

    def _refused(self, error: FhirError) -> Response:
        return responses.refusal(error, self.language, self.content_type, pretty=self.pretty)

    def _record(self, response: Response) -> None:
        telemetry.record(
            telemetry.Answered(
                self.request_id,
                request.environ["REQUEST_METHOD"],
                self.call.interaction if self.call else "none",
                self.call.type if self.call else None,
                response.status_code,
                time.perf_counter() - self.started,
                response.content_length or 0,
            )
        )
