"""The first page: what this server is, whether it is ready, and what to try."""

from collections.abc import Callable

from flask import Blueprint, Response

from server.fhir.outcome import Unavailable
from server.identity.sessions import Session
from server.portal.pages import page, refusals
from server.portal.session import signed_in
from server.services import Services

_FOR_ALL = {"welcome-try-capabilities": "metadata?_pretty=true"}
_WITHOUT_TOKEN = {
    **_FOR_ALL,
    "welcome-try-residents": "Patient?_count=5&_pretty=true",
    "welcome-try-name": "Patient?name=王&_pretty=true",
    "welcome-try-visits": "Encounter?_sort=-date&_count=5&_pretty=true",
    "welcome-try-summary": "Observation?code=http://loinc.org|2339-0&_summary=true&_pretty=true",
    "welcome-try-history": "_history?_count=5&_pretty=true",
}


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of the first page; it has the files of all pages, too."""
    blueprint = Blueprint("portal", __name__, static_folder="static", template_folder="templates")
    refusals(blueprint)

    @blueprint.get("/")
    def welcome() -> Response:
        settings = services().interpreters.settings
        is_open = settings.access == "open"
        return page(
            "welcome.html",
            _visitor(),
            base=settings.base_url,
            ready=_is_ready(services()),
            is_open=is_open,
            examples=_WITHOUT_TOKEN if is_open else _FOR_ALL,
            types=len(services().interpreters.types),
        )

    return blueprint


def _visitor() -> Session | None:
    """Return who is signed in; nobody, while the database cannot tell."""
    try:
        return signed_in()
    except Unavailable:
        return None


def _is_ready(services: Services) -> bool:
    try:
        services.store.ping()
    except Unavailable:
        return False
    return True
