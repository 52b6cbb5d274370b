"""The page for developers: how to connect an app or a system, with this server's own URLs.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Response, request

from server.auth import enrolment, review, shelves
from server.auth.server import endpoint
from server.auth.visit import address
from server.identity.access import caller_of
from server.identity.throttle import Throttle
from server.portal.pages import page, say
from server.portal.session import (
    form_token,
    keep_form_token,
    require_form_token,
    signed_in,
)
from server.records import client_registration
from server.records.client_registration import Faulty
from server.services import Services

_TEXTS = ("client_name", "legal_name", "purpose", "scope", "jwks_uri", "policy_uri", "launch_uri")
_FORM = (*_TEXTS, "kind", "redirect_uris", "contacts", "jwks")
_KINDS = {
    "app": ("none", ["authorization_code", "refresh_token"]),
    "confidential": ("client_secret_basic", ["authorization_code", "refresh_token"]),
    "backend": ("private_key_jwt", ["client_credentials"]),
}
_SANDBOX = "demo-1-000000"


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/developer``."""
    blueprint = Blueprint("developer", __name__)

    @blueprint.get("/developer")
    def shown() -> Response:
        settings = services().interpreters.settings
        return page(
            "developer.html",
            signed_in(),
            root=settings.root_url,
            base=settings.base_url,
            is_development=settings.mode == "development",
            sandbox=_SANDBOX,
        )

    @blueprint.get("/developer/register")
    def asked() -> Response:
        return _form({}, {})

    @blueprint.post("/developer/register")
    def registered() -> Response:
        require_form_token()
        Throttle(services()).attempt("registration", address())
        return _registered(services())

    return blueprint


def _form(given: dict[str, Any], faults: dict[str, str]) -> Response:
    token = form_token()
    status = 422 if faults else 200
    shown = page(
        "developer-register.html", signed_in(), status, given=given, faults=faults, form=token
    )
    return keep_form_token(shown, token)


def _registered(services: Services) -> Response:
    given = {name: request.form.get(name, "").strip() for name in _FORM}
    method, grants = _KINDS.get(given["kind"], _KINDS["app"])
    said: dict[str, Any] = {name: given[name] for name in _TEXTS if given[name]}
    said |= {"token_endpoint_auth_method": method, "grant_types": grants}
    if given["redirect_uris"]:
        said["redirect_uris"] = given["redirect_uris"].split()
    if given["contacts"]:
        said["contacts"] = [given["contacts"]]
    if given["jwks"]:
        said["jwks"] = _json(given["jwks"])
    try:
        record, secrets = enrolment.add(services, client_registration.read(said))
    except Faulty as fault:
        return _form(given, {fault.about: say("developer-field-wrong")})
    session = signed_in()
    by = caller_of(session.account, "HSYSADMIN") if session else None
    review.noted(services, record, "registered", by=by, address=address())
    if session is not None:
        owner = {"registered_by": session.account["id"]}
        services.store.shelf(shelves.CLIENTS).change(record["id"], owner)
    url = endpoint(services.interpreters.settings, f"register/{record['id']}")
    return page("developer-registered.html", session, client=record, secrets=secrets, url=url)


def _json(text: str) -> Any:  # noqa: ANN401  # any JSON
    """Return what `text` says, or the text itself, which is then refused as what it is not."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
