"""The gunicorn worker: what it cannot read, it refuses as FHIR asks.

Spec: https://hl7.org/fhir/R4/http.html#Status-Codes, RFC 9112 section 11
"""

import contextlib
import os
import select
import socket
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from server.api import negotiation, responses, telemetry
from server.api.fhir import InternalError
from server.api.responses import XML, Manner, Response
from server.audit import failures
from server.fhir.formats import FHIR_JSON
from server.fhir.outcome import BadRequest, FhirError, Issue
from server.settings import Settings

_MOMENT = 3  # milliseconds
_YIELDED_SECONDS = 0.001
# Headers that the application made, not the caller.
_OWN_FAULTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class UriTooLong(FhirError):
    """The first line of the request is longer than this server reads."""

    status, code = 414, "too-long"


class ExpectationFailed(FhirError):
    """The caller expects what this server does not do."""

    status, code = 417, "not-supported"


class HeadersTooLarge(FhirError):
    """There are more headers, or longer ones, than this server reads."""

    status, code = 431, "too-long"


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that answer requests, one at a time on each connection.

    gunicorn hands a connection to its main thread after each answer, which hands it
    to another thread with the next request. Here a thread waits a moment for that
    request itself, which saves a tenth of a read's CPU time; at most half of
    the threads do so, and none while another connection waits for a thread.

    Of connections that come together, the worker that wakes first would take all, and one process
    answer what several could. So who has just taken one leaves the next to others, if they come.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_wait = BoundedSemaphore(max(1, self.cfg.threads // 2))
        self._accepted = 0.0

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, if no other worker does so first."""
        if self.nr_conns and monotonic() - self._accepted < _YIELDED_SECONDS:
            sleep(_YIELDED_SECONDS)
        super().accept(listener)
        self._accepted = monotonic()

    def handle(self, conn: Any) -> object:  # noqa: ANN401 - gunicorn's TConn
        """Answer a request on `conn`, and those that follow it closely.

        Returns whether the connection is kept, as gunicorn wants to know.
        """
        kept = super().handle(conn)
        while kept is True and self._followed(conn):
            kept = super().handle(conn)
        return kept

    def _followed(self, conn: Any) -> bool:  # noqa: ANN401 - as above
        """Wait a moment, if nobody else needs the thread, for the next request on `conn`."""
        busy = self.tpool._work_queue.qsize()  # noqa: SLF001 - there is no other way to ask
        if not self.alive or busy or not self._may_wait.acquire(blocking=False):
            return False
        try:
            if conn.parser.unreader.buf.getvalue():
                # It was sent together with the last one.
                return True
            poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
            return bool(poll.poll(_MOMENT))
        finally:
            self._may_wait.release()

    def handle_error(
        self,
        req: Any,  # noqa: ANN401 - gunicorn's Request, which has no types
        client: socket.socket,
        _addr: object,
        exc: Exception,
    ) -> None:
        """Answer on `client` that the request could not be read; its connection then ends."""
        settings = Settings.from_environment(os.environ)
        headers = dict(getattr(req or getattr(exc, "req", None), "headers", ()))
        # An application that is not this server's own writes no XML.
        xml = getattr(self.wsgi, "extensions", {}).get(XML)
        manner = Manner(
            str(uuid4()),
            negotiation.language(headers.get("ACCEPT-LANGUAGE"), settings.language),
            negotiation.likely_content_type(headers.get("ACCEPT"), "") if xml else FHIR_JSON,
            pretty=False,
            base_url=settings.base_url,
            xml=xml,
        )
        error = _refusal(exc)
        response = responses.refusal(error, manner)
        if error.status >= 500:
            failures.record(exc, manner.request_id)
        telemetry.record(
            telemetry.Answered(
                manner.request_id, "-", "none", None, error.status, 0, len(response.body)
            )
        )
        with contextlib.suppress(OSError):
            # The caller may have gone.
            write_nonblock(client, _written(response))


def _refusal(error: Exception) -> FhirError:
    """Return what to say of `error`, which gunicorn's parser, or the application, raised."""
    match error:
        case errors.LimitRequestLine():
            return UriTooLong.because("request-line-too-long")
        case errors.LimitRequestHeaders():
            return HeadersTooLarge.because("headers-too-large")
        case errors.ExpectationFailed():
            return ExpectationFailed.because("expectation-unknown")
        case errors.InvalidHeader(req=req, hdr=name) if req is not None:
            # Else it holds the whole line, with what the caller sent.
            return BadRequest.because("header-broken", name=name.title())
        case errors.ParseException() if not isinstance(error, _OWN_FAULTS):
            return BadRequest.because("request-unreadable")
        case _:
            return InternalError(Issue("exception", "server-failed"))


def _written(response: Response) -> bytes:
    """Return `response` as it goes over the wire."""
    lines = [f"HTTP/1.1 {response.status_line}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body
