"""BKS-15, BKS-16: how apps and systems say who they are, and what each is good for."""

import pytest
import requests

from tests.auth.conftest import ASSERTION, SECRET, refused


@pytest.mark.parametrize("how", ["post", "query", "none"])
def test_bks_15_a_secret_is_sent_by_basic_alone(guarded, confidential, how):
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": confidential}
    url = f"{guarded.root}/token"
    if how == "post":
        form["client_secret"] = SECRET
    elif how == "query":
        url += f"?client_id={confidential}&client_secret={SECRET}"
    refused(requests.post(url, data=form, timeout=20), 400, 401)


def test_bks_16_a_key_is_good_for_codes_and_refreshing_too(world, keys, sign, guarded):
    public = {"keys": [keys["ES384"].as_dict(private=False)]}
    app = world.app(auth_method="private_key_jwt", jwks=public)
    someone = world.resident()
    visit = world.code(app, someone, scope="launch/patient offline_access patient/Patient.rs")
    url = f"{guarded.root}/token"
    proof = {"client_assertion_type": ASSERTION}
    code = {
        "grant_type": "authorization_code",
        "code": visit.sent["code"],
        "redirect_uri": app.redirect_uri,
        "code_verifier": visit.verifier,
    }
    made = requests.post(url, data={**code, **proof, "client_assertion": sign(app.id)}, timeout=20)
    assert made.status_code == 200, made.text
    asked = {"grant_type": "refresh_token", "refresh_token": made.json()["refresh_token"]}
    refused(requests.post(url, data={**asked, "client_id": app.id}, timeout=20), 400, 401)
    again = requests.post(
        url, data={**asked, **proof, "client_assertion": sign(app.id)}, timeout=20
    )
    assert again.status_code == 200, again.text
    assert again.json()["patient"] == made.json()["patient"]


def test_a_system_has_no_use_for_another_grant(guarded, ask, sign, backend):
    refused(ask(sign(backend), grant_type="authorization_code", code="x"), 400)
    refused(ask(sign(backend), grant_type="refresh_token", refresh_token="x"), 400)


def test_an_app_with_a_key_is_no_system(world, keys, ask, sign):
    public = {"keys": [keys["ES384"].as_dict(private=False)]}
    app = world.app(auth_method="private_key_jwt", jwks=public)
    refused(ask(sign(app.id)), 400, error="unauthorized_client")
