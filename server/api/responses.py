"""From a Result, or a refusal, to an HTTP response."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus

from server.fhir import json
from server.fhir.formats import XML_TYPES
from server.fhir.messages import TAGS, Language
from server.fhir.outcome import FhirError, operation_outcome
from server.interactions.call import Result
from server.profiles.xml import Xml

XML = "tongkang.xml"
"""Where the application keeps the `Xml` for the worker that refuses what it cannot read."""
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, complete: nothing is left for a library to work out.

    `rest` are the pieces of a long body that follow on `body`, made while they are taken.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    rest: Generator[bytes, None, None] | None = None

    @property
    def status_line(self) -> str:
        """Return the status with its reason, as WSGI wants it."""
        return _STATUS[self.status]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a caller is answered: in which format and language, laid out for people or not.

    `xml` writes the answers in XML, where `content_type` is one of its types.
    """

    request_id: str
    language: Language
    content_type: str
    pretty: bool
    base_url: str
    xml: Xml | None

    @property
    def takes_pieces(self) -> bool:
        """Tell whether an answer can be written piece by piece: as it is."""
        return not (self.pretty or self._is_xml)

    @property
    def _is_xml(self) -> bool:
        return self.xml is not None and self.content_type in XML_TYPES

    def written(self, body: bytes) -> bytes:
        """Return the JSON `body` in this manner."""
        if self.xml is not None and self._is_xml:
            return self.xml.write(body, pretty=self.pretty)
        return json.pretty(body) if self.pretty else body


def answer(result: Result, manner: Manner) -> Response:
    """Return the response for `result`, without its rest."""
    headers = [
        ("X-Request-Id", manner.request_id),
        ("Cache-Control", "private, no-store"),
        ("Vary", "Accept, Accept-Language, Prefer"),
        ("X-Content-Type-Options", "nosniff"),
        *result.headers.items(),
    ]
    if result.version is not None:
        headers.append(("ETag", f'W/"{result.version}"'))
    if result.last_updated is not None:
        headers.append(("Last-Modified", http_date(result.last_updated // 1_000_000)))
    if result.location is not None:
        headers.append(("Location", f"{manner.base_url}/{result.location}"))
    body = result.body
    if result.issues:
        body = json.dumps(operation_outcome(result.issues, manner.language))
        headers.append(("Content-Language", TAGS[manner.language]))
    if result.content_type is not None:
        headers.append(("Content-Type", result.content_type))
    elif body:
        body = manner.written(body)
        headers.append(("Content-Type", f"{manner.content_type}; charset=utf-8"))
    if result.status not in (204, 304) and result.rest is None:
        headers.append(("Content-Length", str(len(body))))
    return Response(result.status, headers, body)


def refusal(error: FhirError, manner: Manner) -> Response:
    """Return the OperationOutcome response for `error`."""
    result = Result(status=error.status, issues=error.issues, headers=error.headers)
    return answer(result, manner)


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    """Return the HTTP date of the moment `seconds` after 1970-01-01T00:00Z."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
