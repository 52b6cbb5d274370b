"""The first page: what this server is, whether it is ready, and what to try."""

from collections.abc import Callable

from flask import Blueprint, Response, make_response, render_template, request

from server.fhir.messages import TAGS, Language, text
from server.fhir.outcome import Unavailable
from server.services import VERSION, Services

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_EXAMPLES = {
    "welcome-try-capabilities": "metadata?_pretty=true",
    "welcome-try-residents": "Patient?_count=5&_pretty=true",
    "welcome-try-name": "Patient?name=王&_pretty=true",
    "welcome-try-visits": "Encounter?_sort=-date&_count=5&_pretty=true",
    "welcome-try-summary": "Observation?code=http://loinc.org|2339-0&_summary=true&_pretty=true",
    "welcome-try-history": "_history?_count=5&_pretty=true",
}


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of the first page, in the language that the reader prefers."""
    blueprint = Blueprint("portal", __name__, static_folder="static", template_folder="templates")

    @blueprint.get("/")
    def welcome() -> Response:
        settings = services().interpreters.settings
        language = _language(settings.language)
        page = render_template(
            "welcome.html",
            say=lambda key: text(key, language, {}),
            language=language,
            tag=TAGS[language],
            version=VERSION,
            base=settings.base_url,
            ready=_is_ready(services()),
            examples=_EXAMPLES,
            types=len(services().interpreters.types),
        )
        return make_response(page, _HEADERS)

    return blueprint


def _language(default: Language) -> Language:
    asked = request.args.get("lang") or request.accept_languages.best_match(["zh-CN", "zh", "en"])
    spoken: dict[str | None, Language] = {"zh": "zh", "zh-CN": "zh", "en": "en"}
    return spoken.get(asked, default)


def _is_ready(services: Services) -> bool:
    try:
        services.store.ping()
    except Unavailable:
        return False
    return True
