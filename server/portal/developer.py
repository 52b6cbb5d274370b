"""The pages for developers: how to connect an app or a system, and a form to register one.

What the page shows is this server's own: its URLs, and in development a patient and an app to
try things with.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, request

from server.auth import enrolment, review, sandbox
from server.auth.server import endpoint
from server.auth.visit import address
from server.fhir.outcome import Issue
from server.identity.access import caller_of
from server.identity.demo import RESIDENT
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

_TEXTS = (
    "client_name", "legal_name", "purpose", "scope", "jwks_uri", "policy_uri", "tos_uri",
    "client_uri", "launch_uri",
)  # fmt: skip
_LISTS = ("redirect_uris", "contacts")
_KINDS = {
    "app": ("none", ["authorization_code", "refresh_token"]),
    "confidential": ("client_secret_basic", ["authorization_code", "refresh_token"]),
    "signed": ("private_key_jwt", ["authorization_code", "refresh_token"]),
    "backend": ("private_key_jwt", ["client_credentials"]),
}
_FAULTS = {
    "missing": "developer-fault-missing",
    "long": "developer-fault-long",
    "plain": "developer-fault-plain",
    "https": "developer-fault-https",
    "redirect": "developer-fault-redirect",
    "url": "developer-fault-url",
    "jwks": "developer-fault-jwks",
    "kid": "developer-fault-kid",
    "private": "developer-fault-private",
    "small": "developer-fault-small",
    "keys": "developer-fault-keys",
    "days": "developer-fault-days",
    "scope": "developer-fault-scope",
}
_SCOPES = (
    ("patient/Observation.rs", "developer-scope-patient"),
    ("user/Patient.rs", "developer-scope-user"),
    ("system/Encounter.cruds", "developer-scope-system"),
    ("patient/*.rs", "developer-scope-all"),
    ("patient/Observation.rs?category=laboratory", "developer-scope-part"),
    ("patient/Observation.read", "developer-scope-old"),
    ("openid fhirUser", "developer-scope-openid"),
    ("launch/patient", "developer-scope-launch-patient"),
    ("launch", "developer-scope-launch"),
    ("offline_access", "developer-scope-offline"),
    ("online_access", "developer-scope-online"),
)
_DEMO_UNIT = "Organization/demo-hospital-350602"


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/developer``."""
    blueprint = Blueprint("developer", __name__)

    @blueprint.get("/developer")
    def shown() -> Response:
        return _guide(services())

    @blueprint.get("/developer/register")
    def asked() -> Response:
        return _form({"kind": request.args.get("kind", "app")}, {})

    @blueprint.post("/developer/register")
    def registered() -> Response:
        require_form_token()
        Throttle(services()).attempt("registration", address())
        return _registered(services())

    return blueprint


def _guide(services: Services) -> Response:
    settings = services.interpreters.settings
    is_development = settings.mode == "development"
    return page(
        "developer.html",
        signed_in(),
        root=settings.root_url,
        base=settings.base_url,
        is_development=is_development,
        is_open=settings.access == "open",
        sandbox=RESIDENT.partition("/")[2],
        app=sandbox.APP if is_development else "CLIENT_ID",
        redirect=sandbox.REDIRECT,
        unit=_DEMO_UNIT,
        scopes=[(scope, say(key)) for scope, key in _SCOPES],
    )


def _form(given: Mapping[str, Any], faults: Mapping[str, str]) -> Response:
    token = form_token()
    shown = page(
        "developer-register.html",
        signed_in(),
        faults={
            name: Issue("value", _FAULTS.get(kind, "developer-fault"))
            for name, kind in faults.items()
        },
        given=given,
        form=token,
    )
    return keep_form_token(shown, token)


def _registered(services: Services) -> Response:
    session = signed_in()
    try:
        metadata = client_registration.read(_said())
        owner = session.account["id"] if session else None
        client, secrets = enrolment.add(services, metadata, owner)
    except Faulty as fault:
        return _form(request.form, fault.faults or {fault.about: "wrong"})
    by = caller_of(session.account, "HSYSADMIN") if session else None
    review.noted(services, client, "registered", by=by, address=address())
    return page(
        "developer-registered.html",
        session,
        client=client,
        secrets=secrets,
        url=endpoint(services.interpreters.settings, f"register/{client['id']}"),
    )


def _said() -> dict[str, Any]:
    """Return what the form says as the metadata that a client registers with."""
    form = {name: value.strip() for name, value in request.form.items()}
    method, grants = _KINDS.get(form.get("kind", ""), _KINDS["app"])
    said: dict[str, Any] = {name: form[name] for name in _TEXTS if form.get(name)}
    said |= {name: _each(form[name]) for name in _LISTS if form.get(name)}
    said |= {"token_endpoint_auth_method": method, "grant_types": grants}
    if form.get("retention_days"):
        said["retention_days"] = _number(form["retention_days"])
    if form.get("jwks"):
        said["jwks"] = _keys(form["jwks"])
    return said


def _each(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else text


def _keys(text: str) -> Any:  # noqa: ANN401  # any JSON
    """Return the key set in `text`; one key is a set, too. What is no JSON stays a text."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return {"keys": [found]} if isinstance(found, dict) and "kty" in found else found
