"""From a Result, or a refusal, to an HTTP response."""

from datetime import UTC, datetime
from email.utils import format_datetime

from flask import Response

from server.fhir import json
from server.fhir.messages import Language
from server.fhir.outcome import FhirError, operation_outcome
from server.interactions.call import Result

_TAGS = {"zh": "zh-CN", "en": "en"}


def answer(
    result: Result, base_url: str, content_type: str, language: Language, *, pretty: bool
) -> Response:
    """Return the response for `result`, laid out for people if `pretty`."""
    headers = [
        ("Cache-Control", "private, no-cache"),
        ("X-Content-Type-Options", "nosniff"),
        *result.headers.items(),
    ]
    if result.version is not None:
        headers.append(("ETag", f'W/"{result.version}"'))
    if result.last_updated is not None:
        headers.append(("Last-Modified", http_date(result.last_updated)))
    if result.location is not None:
        headers.append(("Location", f"{base_url}/{result.location}"))
    body = result.body
    if result.issues:
        body = json.dumps(operation_outcome(result.issues, language))
        headers.append(("Content-Language", _TAGS[language]))
    if pretty and body:
        body = json.pretty(body)
    if not body:
        return Response(b"", result.status, headers, content_type=None)
    return Response(body, result.status, headers, content_type=f"{content_type}; charset=utf-8")


def refusal(error: FhirError, language: Language, content_type: str, *, pretty: bool) -> Response:
    """Return the OperationOutcome response for `error`."""
    result = Result(status=error.status, issues=error.issues, headers=error.headers)
    return answer(result, "", content_type, language, pretty=pretty)


def http_date(microseconds: int) -> str:
    """Return the HTTP date of the moment `microseconds` after 1970-01-01T00:00Z."""
    when = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return format_datetime(when, usegmt=True)
