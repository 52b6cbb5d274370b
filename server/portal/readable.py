"""A browser that opens the URL of a definition is shown its page.

Programs are answered with the resource as always; only who asks for HTML before anything else is
led elsewhere, and only to what comes with the server.

Spec: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.profiles.publications import Publications

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"/(StructureDefinition|ValueSet|CodeSystem)/([A-Za-z0-9.-]{1,64})")
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Readable:
    """The FHIR endpoint `fhir`, whose definitions that are `published` have pages."""

    fhir: "WSGIApplication"
    published: Publications

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request below the FHIR base."""
        found = _PATH.fullmatch(environ["PATH_INFO"]) if _asks_for_html(environ) else None
        if found is None or not self.published.has(found[1], found[2]):
            return self.fhir(environ, start_response)
        page = f"/profiles/{found[1]}/{found[2]}"
        headers = [("Location", page), ("Vary", "Accept"), ("Content-Length", "0")]
        start_response("303 See Other", headers)
        return []


def _asks_for_html(environ: "WSGIEnvironment") -> bool:
    first = environ.get("HTTP_ACCEPT", "").partition(",")[0].partition(";")[0].strip().lower()
    is_look = environ["REQUEST_METHOD"] in ("GET", "HEAD")
    return is_look and first in _HTML and "_format=" not in environ.get("QUERY_STRING", "")
