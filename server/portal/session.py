"""Who is signed in at the browser that asks, in Flask's terms.

Spec: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import hmac
from secrets import token_urlsafe
from urllib.parse import quote

from flask import Response, abort, request

from server.auth import grants
from server.auth.visit import address, services
from server.fhir.outcome import Forbidden
from server.identity.sessions import Session, Sessions
from server.portal.pages import here, see_other

__all__ = ["address", "services"]
_FORM = "form"
_UNTOLD = "null"
"""The origin of forms on our own pages too, for these send no referrer."""


def sessions() -> Sessions:
    """Return the sessions on the database."""
    return Sessions(services())


def begun() -> Session | None:
    """Return the session of this browser, whether all factors of its person are there or not."""
    cookie = request.cookies.get(_cookie("session"))
    return sessions().current(cookie) if cookie else None


def signed_in() -> Session | None:
    """Return the session of this browser if its person has proved who they are, else None."""
    session = begun()
    return session if session is not None and is_complete(session) else None


def is_complete(session: Session) -> bool:
    """Tell whether nothing more has to be proved; staff have two factors."""
    return session.account["kind"] == "resident" or "otp" in session.factors


def require_signed_in() -> Session:
    """Return the session of this browser; whoever has none is sent to sign in first.

    Raises Forbidden for a form that was not made for this session, by a page of ours.
    """
    session = signed_in()
    if session is None:
        abort(see_other(f"/sign-in?next={quote(here())}"))
    if request.method == "POST":
        require_csrf(session)
    return session


def require_role(*roles: str) -> Session:
    """Return the session of this browser, as above.

    Raises Forbidden unless its person has one of `roles`.
    """
    session = require_signed_in()
    if session.account.get("role") not in roles:
        raise Forbidden.because("page-forbidden")
    return session


def require_csrf(session: Session) -> None:
    """Raise Forbidden unless this form was made for `session`, by a page of ours."""
    given = request.form.get("csrf", "")
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise Forbidden.because("form-forged")
    require_same_origin()


def require_same_origin() -> None:
    """Raise Forbidden if the browser says that another site sent this form."""
    origin = request.headers.get("Origin", _UNTOLD)
    site = request.headers.get("Sec-Fetch-Site")
    ours = {services().interpreters.settings.root_url, request.host_url.rstrip("/"), _UNTOLD}
    if origin not in ours or site not in (None, "same-origin", "none"):
        raise Forbidden.because("form-forged")


def form_token() -> str:
    """Return the secret for a form of somebody who has no session yet."""
    return kept_form_token() or token_urlsafe(32)


def kept_form_token() -> str | None:
    """Return the secret that this browser has sent; it sends none with another site's form."""
    return request.cookies.get(_cookie(_FORM)) or None


def keep_form_token(response: Response, token: str) -> Response:
    """Have the browser keep `token`, so that its form is known again."""
    _set(response, _FORM, token)
    return response


def require_form_token() -> None:
    """Raise Forbidden unless this form was given to this browser, which has no session yet."""
    kept = request.cookies.get(_cookie(_FORM), "")
    given = request.form.get("csrf", "")
    if not kept or not hmac.compare_digest(kept.encode(), given.encode()):
        raise Forbidden.because("form-forged")
    require_same_origin()


def end(session: Session) -> None:
    """End a session, and what clients may do only as long as it lasts."""
    sessions().end(session.id)
    grants.end_session(services(), session.id)


def keep(response: Response, cookie: str) -> Response:
    """Have the browser keep the cookie of a session that has begun."""
    _set(response, "session", cookie)
    return response


def drop(response: Response) -> Response:
    """Have the browser forget its session."""
    name = _cookie("session")
    response.delete_cookie(name, secure=_is_secure(), httponly=True, samesite="Lax")
    return response


def onwards(target: str | None, default: str) -> str:
    """Return `target` if it is a path of ours, else `default`: a link leads nowhere else."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return default
    # Browsers pass over tabs and line breaks, and take a backslash for a slash.
    return target if target.isprintable() and "\\" not in target else default


def _is_secure() -> bool:
    return services().interpreters.settings.base_url.startswith("https://")


def _cookie(what: str) -> str:
    name = f"tongkang-{what}"
    return f"__Host-{name}" if _is_secure() else name


def _set(response: Response, what: str, value: str) -> None:
    response.set_cookie(
        _cookie(what), value, path="/", secure=_is_secure(), httponly=True, samesite="Lax"
    )
