"""In production what is said is said over TLS; in the clear the server only says that.

Whoever asks in the clear is refused and not sent on to https, for the token that they sent is
known to others by then and has to be noticed. What the machine itself asks after is left alone.

Spec: https://www.rfc-editor.org/rfc/rfc9325, https://www.rfc-editor.org/rfc/rfc6797
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from uuid_utils import uuid4

from server.api import negotiation, responses
from server.api.responses import Manner
from server.fhir.messages import Language
from server.fhir.outcome import Forbidden
from server.profiles.xml import Xml

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PROBES = ("/livez", "/readyz", "/metrics")
_STRICT = ("Strict-Transport-Security", "max-age=31536000")


class Encrypted:
    """The WSGI `application`, for those who ask over TLS; a trusted proxy may say that they do."""

    def __init__(self, application: "WSGIApplication", language: Language, xml: Xml) -> None:
        self._application = application
        self._language = language
        self._xml = xml

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer as the application does, or refuse."""
        if environ["PATH_INFO"] in _PROBES:
            return self._application(environ, start_response)
        if environ["wsgi.url_scheme"] != "https":
            return self._refused(environ, start_response)

        def started(
            status: str, headers: list[tuple[str, str]], *rest: Any
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, _STRICT], *rest)

        return self._application(environ, started)

    def _refused(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        accept, query = environ.get("HTTP_ACCEPT"), environ.get("QUERY_STRING", "")
        manner = Manner(
            str(uuid4()),
            self._language,
            negotiation.likely_content_type(accept, query),
            pretty=False,
            base_url="",
            xml=self._xml,
        )
        response = responses.refusal(Forbidden.because("transport-in-the-clear"), manner)
        start_response(response.status_line, [*response.headers, ("Connection", "close")])
        return (response.body,)
