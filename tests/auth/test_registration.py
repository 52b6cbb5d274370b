"""DCR-01 to DCR-15: https://www.rfc-editor.org/rfc/rfc7591, https://www.rfc-editor.org/rfc/rfc7592"""

import pytest
import requests
from joserfc.jwk import ECKey, OctKey

from server.auth import shelves
from server.auth.development import Wanted, token
from tests.auth.registering import APP, public, system

pytestmark = pytest.mark.usefixtures("forgiving")


def test_dcr_01_12_a_client_is_registered_and_waits(url, services):
    answer = requests.post(url, json=APP, timeout=20)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json()
    assert {name: said[name] for name in APP} == APP
    assert said["client_id_issued_at"] > 0
    assert "client_secret" not in said
    kept = services.store.shelf(shelves.CLIENTS).find(said["client_id"])
    assert kept["status"] == "pending"
    assert said["registration_access_token"] not in str(kept)


def test_dcr_01_06_the_default_is_a_secret_that_is_kept_as_a_hash(url, services):
    asked = {"client_name": "a", "redirect_uris": ["https://a.test/"]}
    said = requests.post(url, json=asked, timeout=20).json()
    assert said["token_endpoint_auth_method"] == "client_secret_basic"
    assert said["grant_types"] == ["authorization_code"]
    assert len(said["client_secret"]) >= 43
    assert said["client_secret_expires_at"] == 0
    kept = services.store.shelf(shelves.CLIENTS).find(said["client_id"])
    assert kept["secret"].startswith("$argon2id$")


def test_a_system_is_registered_with_its_keys(url):
    answer = requests.post(url, json=system(), timeout=20)
    assert answer.status_code == 201
    assert "client_secret" not in answer.json()


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.test/cb", "https://app.test/cb#x", "https://*.app.test/cb",
        "javascript:alert(1)",
        "data:text/html,x", "https://u:p@app.test/cb", "https://169.254.169.254/cb",
        "//app.test/cb",
        "https:///cb", "https://app.test:99999/cb", "https://居民.test/cb", "https://app.test/a b",
        "https://app.test\\@evil.test/", "", "app", "ftp://app.test/", 5, None, {"$gt": ""},
    ],
)  # fmt: skip
def test_dcr_03_a_redirect_that_is_not_safe_is_refused(url, uri):
    answer = requests.post(url, json={**APP, "redirect_uris": [uri]}, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:5000/cb", "http://[::1]/cb", "cn.example.app:/cb", "https://a.test/b?c=d"],
)
def test_dcr_03_a_redirect_that_is_safe_is_taken(url, uri):
    assert requests.post(url, json={**APP, "redirect_uris": [uri]}, timeout=20).status_code == 201


@pytest.mark.parametrize(
    "jwks",
    [
        {"keys": []}, {}, {"keys": "x"}, {"keys": [5]}, {"keys": [{"kty": "RSA"}]},
        {"keys": [ECKey.generate_key("P-384").as_dict(private=True) | {"kid": "1"}]},
        {"keys": [OctKey.generate_key(256).as_dict() | {"kid": "1"}]},
        {"keys": [public(), public()]}, {"keys": [public(kid=None)]}, {"keys": [public(kid=5)]},
        {"keys": [{"kty": "RSA", "kid": "1", "e": "AQAB", "n": "x" * 171}]},
    ],
)  # fmt: skip
def test_dcr_04_keys_are_public_and_strong_with_names_of_their_own(url, jwks):
    answer = requests.post(url, json=system(jwks=jwks), timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client_metadata"


def test_dcr_04_keys_come_in_one_way(url):
    both = system(jwks_uri="https://a.test/jwks")
    assert requests.post(url, json=both, timeout=20).status_code == 400
    assert requests.post(url, json=system(jwks=None), timeout=20).status_code == 400


@pytest.mark.parametrize(
    "fault",
    [
        {"client_name": {"$gt": ""}}, {"client_name": 5}, {"client_name": ""}, {"scope": 5},
        {"client_name": "a\u202eb"}, {"client_name": "a\u200bb"}, {"client_name": "a\0"},
        {"grant_types": "authorization_code"}, {"grant_types": ["password"]}, {"grant_types": []},
        {"response_types": ["token"]}, {"token_endpoint_auth_method": "x"}, {"contacts": "a"},
        {"token_endpoint_auth_method": ["none"]}, {"logo_uri": "http://a.test/l.png"},
        {"client_uri": "javascript:x"}, {"policy_uri": 5}, {"grant_types": ["refresh_token"]},
        {"grant_types": ["client_credentials"]}, {"jwks": "x"}, {"scope": "system/*.cruds"},
        {"scope": "patient/*.rsx"}, {"retention_days": "9"}, {"client_name": "x" * 501},
    ],
)  # fmt: skip
def test_dcr_05_to_09_15_what_is_wrong_is_refused(url, fault):
    answer = requests.post(url, json={**APP, **fault}, timeout=20)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"].startswith("invalid_")


def test_dcr_07_nobody_registers_rights(url, services):
    said = requests.post(
        url,
        json={**APP, "client_id": "mine", "status": "approved", "may_introspect": True,
              "organization": {"reference": "Organization/x"}, "region": None, "is_admin": True},
        timeout=20,
    ).json()  # fmt: skip
    assert said["client_id"] != "mine"
    kept = services.store.shelf(shelves.CLIENTS).find(said["client_id"])
    assert kept["status"] == "pending"
    assert not {"may_introspect", "organization", "region", "is_admin"} & kept.keys()


@pytest.mark.parametrize("body", [b"", b"[1]", b"x", b'"a"', b"null", b"{" * 10_000, b"\xff"])
def test_dcr_10_what_is_no_object_is_refused(url, body):
    assert requests.post(url, data=body, timeout=20).status_code == 400


def test_dcr_10_too_much_is_refused(url):
    answer = requests.post(url, json={**APP, "client_name": "x" * 100_000}, timeout=20)
    assert answer.status_code in (400, 413)


def test_dcr_12_an_address_registers_only_so_many(url):
    answers = [requests.post(url, data=b"x", timeout=20).status_code for _ in range(25)]
    assert answers[0] == 400
    assert answers[-1] == 429


@pytest.mark.parametrize(
    ("statement", "error"),
    [("x", "invalid_software_statement"), (5, "invalid_software_statement"),
     ({"$gt": ""}, "invalid_software_statement"), ("", "invalid_software_statement"),
     ("eyJhbGciOiJub25lIn0.e30.x", "unapproved_software_statement")],
)  # fmt: skip
def test_dcr_11_nobodys_statements_are_trusted(url, statement, error):
    answer = requests.post(url, json={**APP, "software_statement": statement}, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


def test_dcr_01_what_was_registered_is_told_again(url):
    asked = {
        **APP, "client_uri": "https://app.test/", "policy_uri": "https://app.test/privacy",
        "contacts": ["a@app.test"], "legal_name": "漳州试用科技有限公司", "purpose": "管理血压",
        "launch_uri": "https://app.test/launch", "retention_days": 90,
        "post_logout_redirect_uris": ["https://app.test/bye"],
    }  # fmt: skip
    said = requests.post(url, json=asked, timeout=20).json()
    assert {name: said[name] for name in asked} == asked
    assert "jwks" not in said


def test_registrations_are_recorded(guarded, own, services):
    _, id = own(APP)
    wanted = Wanted(scope="user/AuditEvent.rs", role="auditor", division="3506")
    bearer = {"Authorization": f"Bearer {token(services, wanted)}"}
    url = f"{guarded.base}/AuditEvent?subtype=110129&_count=50&_sort=-date"
    assert id in requests.get(url, headers=bearer, timeout=20).text


@pytest.mark.parametrize("algorithm", ["RS256", "HS256", "none", "", 5, ["ES384"]])
def test_dcr_09_only_the_two_algorithms_are_registered(url, algorithm):
    asked = system(token_endpoint_auth_signing_alg=algorithm)
    answer = requests.post(url, json=asked, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client_metadata"


def test_dcr_09_a_client_signs_with_the_algorithm_that_it_registered(own, keys, sign, ask):
    public = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    asked = system(jwks=public, token_endpoint_auth_signing_alg="RS384")
    send, id = own(asked)
    assert send("GET").json()["token_endpoint_auth_signing_alg"] == "RS384"
    assert ask(sign(id, algorithm="RS384")).status_code == 200
    assert ask(sign(id, algorithm="ES384")).status_code in (400, 401)
