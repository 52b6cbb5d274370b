"""Pages for people: one layout, one choice of language, strict headers.

Spec: https://www.w3.org/TR/CSP3/
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    render_template,
    request,
)
from werkzeug.exceptions import HTTPException
from werkzeug.urls import iri_to_uri

from server.fhir.messages import TAGS, Language, text
from server.fhir.outcome import FhirError, Issue
from server.portal import words
from server.portal.sent import sent
from server.services import VERSION

LANGUAGE = "TONGKANG_LANGUAGE"
"""The key of Flask's configuration that the server's own language is kept under."""
ZONE = "TONGKANG_ZONE"
"""The key of Flask's configuration that the time zone of the region is kept under."""
LARGEST_FORM = 64 * 1024
_COOKIE = "tongkang-language"
_YEAR = 365 * 24 * 3600
_SPOKEN: Mapping[str | None, Language] = {"zh": "zh", "zh-CN": "zh", "en": "en"}
_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_SAID: Mapping[int, str] = {
    400: "page-400",
    401: "page-401",
    403: "page-403",
    404: "page-404",
    413: "page-413",
    429: "page-429",
    503: "page-503",
}


class Signed(Protocol):
    """A person who is signed in, as pages need to know of them."""

    @property
    def account(self) -> Mapping[str, Any]:
        """The account, with its `kind`, `name` and `role`."""

    @property
    def csrf(self) -> str:
        """The secret that every form sends back."""


def language() -> Language:
    """Return the language of this page: that of ``?lang=``, the one chosen before, the browser's.

    A browser that asks for neither gets the server's own.
    """
    for chosen in (request.args.get("lang"), request.cookies.get(_COOKIE)):
        if chosen in _SPOKEN:
            return _SPOKEN[chosen]
    default: Language = current_app.config.get(LANGUAGE, "zh")
    return _SPOKEN.get(request.accept_languages.best_match(["zh-CN", "zh", "en"]), default)


def say(key: str, **arguments: object) -> str:
    """Return message `key` in the language of this page."""
    return text(key, language(), arguments)


def values(session: Signed | None = None) -> dict[str, Any]:
    """Return what every template may use."""
    spoken = language()
    return {
        "say": say,
        "language": spoken,
        "tag": TAGS[spoken],
        "comma": "、" if spoken == "zh" else ", ",
        "colon": "：" if spoken == "zh" else ": ",
        "version": VERSION,
        "session": session,
        "csrf": session.csrf if session else "",
        "languages": {each: here(lang=each) for each in TAGS},
        "here": here,
        "path": path(),
        "moment": _moment,
    }


def page(
    template: str,
    session: Signed | None = None,
    *,
    status: int = 200,
    faults: Mapping[str, Issue] | None = None,
    form_targets: Iterable[str] = (),
    **given: Any,  # whatever the template asks for
) -> Response:
    """Return the page that `template` makes of `given`.

    `faults` are what is wrong with the form that was sent, by field; the status is 422 then. Its
    forms lead to this server, and from there to `form_targets` (origins) at most.
    """
    said = {name: fault.text(language()) for name, fault in (faults or {}).items()}
    made = render_template(template, **values(session), faults=said, **given)
    return dressed(make_response(made, 422 if said else status), form_targets)


def see_other(location: str) -> Response:
    """Return the answer that sends the browser on to a page of ours, after a form was taken."""
    return dressed(sent(iri_to_uri(location)))


def path() -> str:
    """Return the path of this page; of what only takes forms, that of the page they are on.

    It leads to this server only, whatever was asked for: never does it begin like ``//host``.
    """
    found = request.path
    rule = request.url_rule.rule if request.url_rule else found
    if request.method == "POST":
        shown = {
            one.rule for one in current_app.url_map.iter_rules() if "GET" in (one.methods or ())
        }
        while rule and rule not in shown:
            rule, found = rule.rpartition("/")[0], found.rpartition("/")[0]
    return quote(f"/{found.lstrip('/')}")


def here(**changed: str) -> str:
    """Return the address of this page (see `path`) with some parameters changed."""
    kept = [(n, v) for n, v in request.args.items(multi=True) if n not in changed]
    query = urlencode([*kept, *changed.items()])
    return f"{path()}?{query}" if query else path()


def dressed(response: Response, form_targets: Iterable[str] = ()) -> Response:
    """Return `response` with the headers of a page; a language that was chosen is kept."""
    targets = " ".join(("'self'", *form_targets))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers.update(_HEADERS)
    response.vary.update(("Accept-Language", "Cookie"))
    chosen = request.args.get("lang", "")
    if chosen in TAGS:
        response.set_cookie(
            _COOKIE, chosen, _YEAR, httponly=True, samesite="Lax", secure=request.is_secure
        )
    return response


def refusals(blueprint: Blueprint) -> None:
    """Show what goes wrong on any page as a page that says so and no more."""

    @blueprint.app_errorhandler(FhirError)
    def refused(error: FhirError) -> Response:
        return refusal(error)

    @blueprint.app_errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        response = _refusal(error.code or 500, [])
        response.headers.update(
            {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
        )
        return response


def refusal(error: FhirError) -> Response:
    """Return the page that says why something is refused."""
    response = _refusal(error.status, [issue.text(language()) for issue in error.issues])
    response.headers.update(error.headers)
    return response


def _refusal(status: int, said: list[str]) -> Response:
    reason = say(_SAID.get(status, "page-wrong" if status < 500 else "page-500"))
    return page("refusal.html", status=status, number=status, reason=reason, said=said)


def _moment(when: datetime) -> str:
    """Return `when`, which carries a zone, as people of this region write it."""
    return words.moment(when.isoformat(), current_app.config[ZONE])
