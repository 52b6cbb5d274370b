"""Signing out at the request of an app.

Spec: https://openid.net/specs/openid-connect-rpinitiated-1_0.html
"""

from dataclasses import dataclass

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Answer

from server.auth import clients, openid, parameters, redirects
from server.auth.parameters import Parameters
from server.fhir.outcome import BadRequest
from server.identity.sessions import Session
from server.portal import session as browser
from server.portal.pages import dressed, page
from server.portal.sent import sent


def leaving() -> Blueprint:
    """Return the blueprint of ``/end-session``."""
    blueprint = Blueprint("leaving", __name__)
    blueprint.add_url_rule("/end-session", "ask", _ask, methods=["GET"])
    blueprint.add_url_rule("/end-session", "leave", _leave, methods=["POST"])
    return blueprint


@dataclass(frozen=True, slots=True)
class _Wish:
    """Where the browser goes in the end, empty for nowhere; `subject` of the id token given."""

    target: str
    subject: str | None


def _ask() -> Answer:
    given = parameters.read(request.query_string, b"")
    wish, session = _wish(given), browser.signed_in()
    if session is None:
        return _gone(wish)
    if wish.subject == openid.subject(session.account):
        return _ended(session, wish)
    return _confirm(given, session, wish)


def _leave() -> Answer:
    """End the session: by a page of ours, or by an app's form with an id token."""
    given = parameters.read(request.query_string, request.get_data())
    wish, session = _wish(given), browser.signed_in()
    if session is None:
        return _gone(wish)
    if given.get("csrf") is None:
        return _confirm(given, session, wish)
    browser.require_csrf(session)
    return _ended(session, wish)


def _confirm(given: Parameters, session: Session, wish: _Wish) -> Answer:
    names = ("id_token_hint", "post_logout_redirect_uri", "state", "client_id")
    kept = {name: given.get(name) for name in names if given.get(name)}
    targets = (redirects.origin(wish.target),) if wish.target else ()
    return page("leaving.html", session, form_targets=targets, kept=kept)


def _wish(given: Parameters) -> _Wish:
    """Return what is asked for. Raises BadRequest for an address that is not registered."""
    if not all(parameters.is_text(value) for value in given.values.values()):
        raise BadRequest.because("authorize-parameters")
    hint = given.get("id_token_hint")
    claims = openid.hinted(browser.services(), hint) if hint else None
    subject = str(claims["sub"]) if claims else None
    address = given.get("post_logout_redirect_uri")
    if address is None and "post_logout_redirect_uri" not in given.repeated:
        return _Wish("", subject)
    named = given.get("client_id")
    client_id = str(claims["aud"]) if claims else named
    is_text = client_id is not None and parameters.is_text(client_id)
    client = clients.approved(browser.services(), client_id) if client_id and is_text else None
    known = () if client is None else client.record.get("post_logout_redirect_uris") or ()
    if address not in known or (claims and named not in (None, client_id)):
        raise BadRequest.because("leaving-redirect")
    state = given.get("state")
    told = (("state", state),) if state is not None else ()
    return _Wish(redirects.extended(str(address), told) if told else str(address), subject)


def _ended(session: Session, wish: _Wish) -> Answer:
    browser.end(session)
    return browser.drop(_gone(wish))


def _gone(wish: _Wish) -> Response:
    return dressed(sent(wish.target or "/"))
