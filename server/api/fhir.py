"""The FHIR endpoint: one view for every URL below the base."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, request
from uuid_utils import uuid4

from server.access.policy import OPEN
from server.api import negotiation, requests, responses, telemetry
from server.api.responses import Whole
from server.context import Context
from server.fhir.outcome import FhirError, Issue
from server.interactions.call import Call, Result
from server.interactions.door import perform
from server.services import Services

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FORMAT = re.compile(r"(?:^|&)_format=([^&]*)")
_log = logging.getLogger("tongkang.error")


class InternalError(FhirError):
    """The server failed; what happened is in its log, never in the answer."""


def endpoint(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of the FHIR endpoint, which asks `services` once a process is ready."""
    blueprint = Blueprint("fhir", __name__)

    def view(path: str = "") -> Whole:
        return _Exchange(services(), request.environ).answer(path)

    for rule, name in (("/", "base"), ("/<path:path>", "below")):
        blueprint.add_url_rule(rule, name, view, methods=METHODS, provide_automatic_options=False)
    return blueprint


class _Exchange:
    """One request and its answer; it remembers what the log needs if the answer is a refusal."""

    __slots__ = ("call", "content_type", "environ", "language", "pretty", "request_id", "services")

    def __init__(self, services: Services, environ: Mapping[str, Any]) -> None:
        self.services = services
        self.environ = environ
        self.call: Call | None = None
        given = environ.get("HTTP_X_REQUEST_ID", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
        default = services.interpreters.settings.language
        self.language = negotiation.language(environ.get("HTTP_ACCEPT_LANGUAGE"), default)
        self.content_type = negotiation.FHIR_JSON
        self.pretty = "_pretty=true" in environ.get("QUERY_STRING", "")

    def answer(self, path: str) -> Whole:
        """Return the response to the request for `path`, which is relative to the base."""
        started = time.perf_counter()
        try:
            response = self._performed(path)
        except FhirError as error:
            if error.status >= 500:
                reason = type(error.__cause__ or error).__name__
                _log.warning("refused", extra={"request_id": self.request_id, "reason": reason})
            response = self._refused(error)
        except Exception:
            # The last resort of the face: no caller may ever see a trace.
            _log.exception("failed", extra={"request_id": self.request_id})
            response = self._refused(InternalError(Issue("exception", "server-failed")))
        self._record(response, time.perf_counter() - started)
        return response

    def _performed(self, path: str) -> Whole:
        environ, interpreters = self.environ, self.services.interpreters
        if environ["REQUEST_METHOD"] == "OPTIONS":
            allowed = ", ".join(requests.methods(path, interpreters.types))
            return self._answered(Result(status=204, headers={"Allow": allowed}))
        query = environ.get("QUERY_STRING", "")
        named = _FORMAT.search(query) if "_format" in query else None
        self.content_type = negotiation.content_type(
            environ.get("HTTP_ACCEPT"), unquote(named[1]) if named else None
        )
        self.call = requests.call(environ, path, interpreters.types, interpreters.settings)
        return self._answered(perform(Context.of(self.services, OPEN, self.language), self.call))

    def _answered(self, result: Result) -> Whole:
        base_url = self.services.interpreters.settings.base_url
        return responses.answer(
            result,
            base_url,
            self.content_type,
            self.language,
            self.request_id,
            pretty=self.pretty,
        )

    def _refused(self, error: FhirError) -> Whole:
        return responses.refusal(
            error, self.content_type, self.language, self.request_id, pretty=self.pretty
        )

    def _record(self, response: Whole, seconds: float) -> None:
        telemetry.record(
            telemetry.Answered(
                self.request_id,
                self.environ["REQUEST_METHOD"],
                self.call.interaction if self.call else "none",
                self.call.type if self.call else None,
                response.status_code,
                seconds,
                response.size,
            )
        )
