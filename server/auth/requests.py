"""What a request to the authorization server has to look like, before Authlib reads it.

One form, in the body, each parameter once, in one encoding, and one way to say who the client is.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Response, jsonify, make_response, request
from werkzeug.exceptions import HTTPException

from server.audit import failures
from server.audit.event import Event, own
from server.auth import visit
from server.fhir.outcome import FhirError
from server.identity.throttle import Throttle

_FORM = "application/x-www-form-urlencoded"
REFUSED = own("token-refused", "E")
_LARGEST = 64 * 1024
_LONGEST = 8192
Answer = Callable[..., Response]


def require_form() -> None:
    """Raise InvalidRequestError unless the request is one plain form."""
    request.max_content_length = _LARGEST  # also of a body that does not say how long it is
    if request.query_string:
        raise InvalidRequestError("Parameters belong into the body.")
    if (request.mimetype or "") != _FORM:
        raise InvalidRequestError("The body has to be application/x-www-form-urlencoded.")
    if (request.content_length or 0) > _LARGEST:
        raise InvalidRequestError("The request is too large.", status_code=413)
    for name, values in request.form.lists():
        if len(values) != 1 or not _is_text(name) or not _is_text(values[0]):
            raise InvalidRequestError("A parameter comes twice, or is no text.")
    _require_one_method()


def _require_one_method() -> None:
    """Raise InvalidRequestError if the client says in two ways who it is."""
    ways = (
        "Authorization" in request.headers,
        "client_secret" in request.form,
        "client_assertion" in request.form or "client_assertion_type" in request.form,
    )
    if sum(ways) > 1:
        raise InvalidRequestError("The client authenticates in more than one way.")


def _is_text(value: str) -> bool:
    """Tell whether `value` is UTF-8 without control characters."""
    return len(value) <= _LONGEST and "\ufffd" not in value and value.isprintable()


def answered(function: Answer) -> Answer:
    """Return `function`, with whatever goes wrong in it told as OAuth tells it."""

    @wraps(function)
    def wrapper(*given: Any, **named: Any) -> Response:  # of a route
        try:
            return plain(function(*given, **named))
        except OAuth2Error as error:
            return _told(error)
        except FhirError as error:
            return _busy(error)
        except HTTPException as error:
            return plain(make_response(jsonify(error="invalid_request"), error.code or 400))
        except (ValueError, KeyError, TypeError, AttributeError, UnicodeError) as error:
            # Whatever a parameter holds that a library could not read, or a fault of ours.
            failures.record(error)
            return plain(make_response(jsonify(error="invalid_request"), 400))

    return wrapper


def _told(error: OAuth2Error) -> Response:
    status, body, headers = error()
    if status == 401:
        headers = [(n, v) for n, v in headers if n.lower() != "www-authenticate"]
        headers.append(("WWW-Authenticate", _challenge()))
    if error.error in ("invalid_client", "invalid_grant"):
        try:
            _note(error)
            _count_failure(str(error.error))
        except FhirError as refusal:
            return _busy(refusal)
    made = jsonify(dict(body)) if isinstance(body, list) else jsonify(body)
    return plain(make_response(made, status, dict(headers)))


def _challenge() -> str:
    """Return how to say who one is, in the way that was tried."""
    if request.headers.get("Authorization", "")[:7].lower() == "bearer ":
        return 'Bearer realm="tongkang", error="invalid_token"'
    return 'Basic realm="tongkang"'


def _count_failure(error: str) -> None:
    """Count a wrong secret, code or token. Raises TooMany in the end."""
    if error == "invalid_grant":
        Throttle(visit.services()).attempt("token", visit.address())
        return
    is_basic = request.headers.get("Authorization", "")[:6].lower() == "basic "
    if is_basic or "client_assertion" in request.form:
        return  # it was counted before it was compared; a signature cannot be guessed
    name = request.form.get("client_id", "")
    Throttle(visit.services()).attempt("client", f"{visit.address()} {name}")


def _note(error: OAuth2Error) -> None:
    """Have the trail know of what was refused, before anybody hears of it."""
    refused = Event(
        act=REFUSED,
        outcome="4",
        reason=f"{error.error} {error.description or ''}".strip(),
        address=visit.address(),
        request=f"{request.method} {request.url_rule}",
    )
    visit.services().trail.append(refused)


def _busy(error: FhirError) -> Response:
    """Return the answer to what may not be asked just now."""
    code = "temporarily_unavailable" if error.status in (429, 503) else "invalid_request"
    refused = make_response(jsonify(error=code), error.status)
    refused.headers.update(error.headers)
    return plain(refused)


def plain(response: Response) -> Response:
    """Return `response`, which nobody may keep."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
