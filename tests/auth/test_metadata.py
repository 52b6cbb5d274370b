"""DSC-01 to DSC-17: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html"""

import time

import pytest
import requests

SMART = "/fhir/.well-known/smart-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def read(guarded, path, **headers):
    return requests.get(f"{guarded.root}{path}", headers=headers, timeout=20)


@pytest.mark.parametrize("accept", ["text/html", "application/fhir+xml", "*/*", None])
def test_dsc_01_the_configuration_is_json_whatever_is_accepted(guarded, accept):
    answer = read(guarded, SMART, Accept=accept)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")


def test_dsc_02_03_05_what_it_must_have(guarded):
    said = read(guarded, SMART).json()
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert {"authorization_code", "client_credentials"} <= set(said["grant_types_supported"])
    assert all(isinstance(one, str) for one in said["capabilities"])
    urls = [value for name, value in said.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(urls) >= 7
    assert all(url.startswith(guarded.root) for url in urls)


def test_dsc_04_06_capabilities_have_what_they_need(guarded):
    said = read(guarded, SMART).json()
    assert "sso-openid-connect" in said["capabilities"]
    assert said["issuer"] == guarded.root
    assert "private_key_jwt" in said["token_endpoint_auth_methods_supported"]
    assert said["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]


def test_dsc_09_10_the_three_documents_agree(guarded):
    smart, oauth, openid = (read(guarded, path).json() for path in (SMART, OAUTH, OPENID))
    for other in (smart, openid):
        assert {name: other[name] for name in oauth} == oauth
    assert "RS256" in openid["id_token_signing_alg_values_supported"]
    assert openid["subject_types_supported"] == ["public"]


def test_dsc_11_only_public_keys_are_published(guarded):
    answer = read(guarded, "/jwks")
    keys = answer.json()["keys"]
    assert keys
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["kty"] == "RSA"
        assert {"n", "e"} <= key.keys()
        assert not {"d", "p", "q", "k", "dp", "dq", "qi"} & key.keys()


@pytest.mark.parametrize("path", ["/fhir/metadata", SMART, OPENID, "/jwks"])
def test_dsc_12_what_is_public_is_read_from_anywhere(guarded, path):
    answer = read(guarded, path, Origin="https://any.test")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_dsc_13_only_registered_origins_use_the_rest(guarded, register):
    register(redirect_uris=["https://page.test/callback"])
    time.sleep(0.3)
    for path in ("/fhir/Patient", "/token"):
        preflight = requests.options(
            f"{guarded.root}{path}",
            headers={
                "Origin": "https://page.test",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
            },
            timeout=20,
        )
        assert preflight.status_code in (200, 204)
        if preflight.headers.get("Access-Control-Allow-Origin") != "https://page.test":
            pytest.fail(f"{path}: {preflight.headers}")
        allowed = preflight.headers["Access-Control-Allow-Headers"]
        names = ("authorization", "content-type", "prefer", "if-match", "if-none-exist")
        for name in (*names, "x-provenance", "x-security-context"):
            assert name in allowed
        other = requests.options(
            f"{guarded.root}{path}", headers={"Origin": "https://evil.test"}, timeout=20
        )
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in other.headers["Vary"]


def test_dsc_14_a_page_reads_the_headers_it_needs(guarded, register):
    register(redirect_uris=["https://page2.test/callback"])
    time.sleep(0.3)  # a process looks for new apps five times a second at most
    answer = read(guarded, "/fhir/Patient", Origin="https://page2.test")
    assert answer.status_code == 401
    exposed = answer.headers["Access-Control-Expose-Headers"]
    names = ("ETag", "Location", "Content-Location", "Retry-After", "WWW-Authenticate")
    for name in (*names, "Content-Disposition"):
        assert name in exposed


def test_dsc_15_16_the_capability_statement_says_so_without_a_token(guarded):
    answer = read(guarded, "/fhir/metadata")
    assert answer.status_code == 200
    security = answer.json()["rest"][0]["security"]
    assert security["cors"] is True
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    (extension,) = security["extension"]
    uris = {one["url"]: one["valueUri"] for one in extension["extension"]}
    smart = read(guarded, SMART).json()
    assert uris["token"] == smart["token_endpoint"]
    assert uris["authorize"] == smart["authorization_endpoint"]


def test_dsc_06_keys_are_for_the_algorithms_that_are_named(guarded):
    said = read(guarded, SMART).json()
    assert "client-confidential-asymmetric" in said["capabilities"]
    assert said["scopes_supported"]
    assert set(said["token_endpoint_auth_methods_supported"]) == {
        "none", "client_secret_basic", "private_key_jwt",
    }  # fmt: skip


def test_dsc_07_every_scope_that_is_named_can_be_granted(guarded, world, ask, sign, backend):
    named = read(guarded, SMART).json()["scopes_supported"]
    app, someone, systems, granted = world.app(), world.resident(), [], set()
    for scope in named:
        if scope.startswith("system/"):
            systems.append(scope)
            continue
        if scope in ("launch", "launch/encounter"):
            continue  # what a launch gives: test_launch
        with_it = f"{scope} patient/Patient.rs launch/patient openid"
        answer = world.tokens(app, someone, scope=" ".join(dict.fromkeys(with_it.split())))
        granted |= {scope} & set(answer["scope"].split())
    assert granted | set(systems) | {"launch", "launch/encounter"} == set(named)
    for scope in systems:
        assert ask(sign(backend), scope=scope).json()["scope"] == scope


def test_dsc_08_what_is_recommended_is_there(guarded):
    said = read(guarded, SMART).json()
    for name in ("registration", "management", "introspection", "revocation"):
        url = said[f"{name}_endpoint"]
        status = requests.get(url, allow_redirects=False, timeout=20).status_code
        assert status in (303, 405), url  # people sign in first, software posts


@pytest.mark.parametrize("path", [SMART, OAUTH, OPENID, "/fhir/metadata", "/jwks"])
def test_dsc_16_what_is_public_names_no_stack_and_no_client(guarded, path, register):
    client = register(name="机密应用")
    answer = read(guarded, path)
    assert answer.status_code == 200
    seen = (answer.text + str(answer.headers)).lower()
    for word in (
        "gunicorn",
        "werkzeug",
        "flask",
        "python/",
        "mongo",
        "authlib",
        "机密应用",
        client,
    ):
        assert word.lower() not in seen, word


def test_dsc_04_09_the_issuer_is_where_it_says(guarded):
    said = read(guarded, OPENID).json()
    assert said["issuer"] == guarded.root
    again = requests.get(f"{said['issuer']}/.well-known/openid-configuration", timeout=20)
    assert again.json() == said


def test_dsc_02_endpoints_that_are_named_are_there(guarded):
    said = read(guarded, OPENID).json()
    for name, url in said.items():
        if name.endswith(("_endpoint", "_uri")):
            answer = requests.get(url, allow_redirects=False, timeout=20)
            assert answer.status_code not in (404, 500), (name, url)
    assert requests.get(said["service_documentation"], timeout=20).status_code == 200


def test_dsc_13_a_registered_page_is_answered_whatever_the_answer(guarded, register):
    register(redirect_uris=["https://page3.test/callback"])
    origin = {"Origin": "https://page3.test"}
    time.sleep(0.3)
    for method, path in (
        ("POST", "/token"), ("POST", "/revoke"), ("POST", "/register"), ("GET", "/userinfo"),
        ("GET", "/fhir/Patient/none"), ("POST", "/fhir/nonsense"), ("GET", "/fhir"),
    ):  # fmt: skip
        answer = requests.request(method, guarded.root + path, headers=origin, timeout=20)
        assert answer.status_code >= 400
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"], path
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_dsc_13_a_suspended_app_has_no_page(guarded, register):
    register(redirect_uris=["https://page4.test/callback"], status="suspended")
    time.sleep(0.3)
    answer = read(guarded, "/fhir/Patient", Origin="https://page4.test")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", ["null", "", "https://page.test.evil.test", "http://page.test",
                                    "https://page.test:444", "*", "https://居民.test"])  # fmt: skip
def test_dsc_13_no_other_origin_is_taken_for_one(guarded, register, origin):
    register(redirect_uris=["https://page.test/callback"])
    time.sleep(0.3)
    answer = read(guarded, "/fhir/Patient", Origin=origin.encode())
    assert "Access-Control-Allow-Origin" not in answer.headers
