"""Pages for people: one layout, one choice of language, strict headers.

Spec: https://www.w3.org/TR/CSP3/
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    render_template,
    request,
)
from werkzeug.exceptions import HTTPException

from server.fhir.messages import TAGS, Language, text
from server.fhir.outcome import FhirError
from server.services import VERSION

LANGUAGE = "TONGKANG_LANGUAGE"
"""The key of Flask's configuration that the server's own language is kept under."""
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
        "languages": {each: _with(lang=each) for each in TAGS},
        "here": request.path,
    }


def page(
    template: str,
    session: Signed | None = None,
    status: int = 200,
    form_targets: Iterable[str] = (),
    **given: Any,  # whatever the template asks for
) -> Response:
    """Return the page that `template` makes of `given`.

    Its forms lead to this server, and from there to `form_targets` (origins) at most.
    """
    made = render_template(template, **values(session), **given)
    return dressed(make_response(made, status), form_targets)


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


def _with(**changed: str) -> str:
    """Return the query of this page with some parameters changed."""
    kept = [(n, v) for n, v in request.args.items(multi=True) if n not in changed]
    return "?" + urlencode([*kept, *changed.items()])
