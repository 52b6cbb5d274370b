"""BKS-01 to BKS-16: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html"""

import base64
import hmac
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from joserfc.jwk import ECKey, RSAKey

from server.identity import passwords
from tests import processes
from tests.auth.conftest import SECRET, refused
from tests.builders import fresh


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_bks_01_02_a_system_that_signs_gets_a_token(ask, sign, backend, guarded, algorithm):
    answer = ask(sign(backend, algorithm))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["token_type"] == "Bearer"
    assert 0 < said["expires_in"] <= 300
    assert said["scope"] == "system/Patient.rs"
    assert "refresh_token" not in said
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    bearer = {"Authorization": f"Bearer {said['access_token']}"}
    assert requests.get(f"{guarded.base}/Patient", headers=bearer, timeout=20).status_code == 200
    forbidden = requests.get(f"{guarded.base}/Observation", headers=bearer, timeout=20)
    assert forbidden.status_code == 403


@pytest.mark.parametrize("grant", ["client_credential", "password", "implicit", "", None, "居民"])
def test_bks_03_another_grant_type_is_400(ask, sign, backend, grant):
    refused(ask(sign(backend), grant_type=grant), 400)


@pytest.mark.parametrize("kind", ["x", "urn:ietf:params:oauth:grant-type:jwt-bearer", None, ""])
def test_bks_04_another_type_of_assertion_is_400(ask, sign, backend, kind):
    refused(ask(sign(backend), client_assertion_type=kind), 400)


def test_bks_05_a_foreign_key_is_refused(ask, sign, backend):
    foreign = ECKey.generate_key("P-384", {"kid": "ec"})
    refused(ask(sign(backend, key=foreign)), 400, 401, error="invalid_client")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", "甲.乙.丙", "e30.e30.e30", "x" * 10_000])
def test_bks_05_what_is_no_assertion_is_refused(ask, backend, text):
    refused(ask(text), 400, 401)


def test_bks_05_no_algorithm_is_taken_but_the_two(ask, sign, backend, keys):
    public = keys["RS384"].as_pem(private=False)
    _, claims, _ = sign(backend).split(".")
    for algorithm, hashed in (("HS256", "sha256"), ("HS384", "sha384")):
        header = base64.urlsafe_b64encode(b'{"alg":"%s","kid":"rsa"}' % algorithm.encode())
        text = f"{header.decode().rstrip('=')}.{claims}"
        mac = hmac.digest(public, text.encode(), hashed)
        forged = f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        refused(ask(forged), 400, 401, error="invalid_client")
    other = RSAKey.import_key({**keys["RS384"].as_dict(private=True), "alg": "RS256"})
    refused(ask(sign(backend, "RS256", key=other)), 400, 401, error="invalid_client")
    unsigned = "eyJhbGciOiJub25lIn0." + sign(backend).split(".")[1] + "."
    refused(ask(unsigned), 400, 401, error="invalid_client")


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"kid": "other"}])
def test_bks_05_09_odd_headers_are_refused(ask, sign, backend, header):
    refused(ask(sign(backend, header=header)), 400, 401, error="invalid_client")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"}, {"iss": None}, {"sub": "other"}, {"sub": None}, {"sub": 5},
        {"aud": "https://elsewhere.test/token"}, {"aud": None}, {"exp": None}, {"exp": 1},
        {"exp": "soon"}, {"exp": True}, {"jti": None}, {"jti": 5}, {"jti": ""},
        {"exp": int(time.time()) + 3600}, {"nbf": int(time.time()) + 3600},
    ],
)  # fmt: skip
def test_bks_06_every_claim_counts(ask, sign, backend, claims):
    refused(ask(sign(backend, **claims)), 400, 401, error="invalid_client")


def test_bks_06_an_audience_is_one_and_ours(ask, sign, backend, endpoint):
    refused(ask(sign(backend, aud=[endpoint, "https://x.test"])), 400, 401, error="invalid_client")


def test_bks_07_an_assertion_is_good_once_whoever_asks(ask, sign, backend):
    assertion = sign(backend)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(assertion).status_code, range(8)))
    assert answers.count(200) == 1
    refused(ask(assertion), 400, 401, error="invalid_client")


def test_bks_07_another_client_may_use_the_same_jti(ask, sign, backend, register, keys):
    public = {"keys": [keys["ES384"].as_dict(private=False)]}
    other = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks=public, scope="system/Patient.rs",
    )  # fmt: skip
    jti = fresh()
    assert ask(sign(backend, jti=jti)).status_code == 200
    assert ask(sign(other, jti=jti)).status_code == 200


def test_bks_08_five_minutes_exactly_without_iat_pass(ask, sign, backend):
    assert ask(sign(backend, exp=int(time.time()) + 300)).status_code == 200


def test_bks_09_a_jku_that_is_not_registered_is_not_fetched(ask, sign, backend):
    header = {"jku": "http://127.0.0.1:1/jwks"}
    refused(ask(sign(backend, header=header)), 400, 401, error="invalid_client")


@pytest.mark.parametrize(
    "scope",
    [
        None, "", "patient/Patient.rs", "user/*.cruds", "system/Patient", "openid",
        "system/Patient.rs launch", "system/Patient.rs nonsense", "system/*.rx", "居民",
    ],
)  # fmt: skip
def test_bks_12_a_scope_that_is_no_systems_is_refused(ask, sign, backend, scope):
    refused(ask(sign(backend), scope=scope), 400, error="invalid_scope")


def test_bks_12_a_scope_beyond_what_was_approved_is_refused(ask, sign, register, keys):
    public = {"keys": [keys["ES384"].as_dict(private=False)]}
    small = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks=public, scope="system/Patient.rs",
    )  # fmt: skip
    assert ask(sign(small), scope="system/Patient.r").json()["scope"] == "system/Patient.r"
    refused(ask(sign(small), scope="system/*.rs"), 400, error="invalid_scope")
    refused(ask(sign(small), scope="system/Patient.cruds"), 400, error="invalid_scope")


def test_bks_13_a_client_id_that_differs_is_refused(ask, sign, backend, confidential):
    refused(ask(sign(backend), client_id=confidential), 400, 401, error="invalid_client")
    assert ask(sign(backend), client_id=backend).status_code == 200


def test_bks_14_a_secret_is_not_enough_for_a_system(endpoint, register):
    client = register(
        kind="backend", auth_method="client_secret_basic", secret=passwords.hashed(SECRET),
        grant_types=["client_credentials"], scope="system/*.rs",
    )  # fmt: skip
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    answer = requests.post(endpoint, data=form, auth=(client, SECRET), timeout=20)
    refused(answer, 400, 401, error="invalid_client")


@pytest.mark.parametrize("status", ["pending", "suspended", "refused"])
def test_a_system_that_is_not_approved_gets_nothing(ask, sign, register, keys, status):
    public = {"keys": [keys["ES384"].as_dict(private=False)]}
    client = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks=public, scope="system/*.rs", status=status,
    )  # fmt: skip
    refused(ask(sign(client)), 400, 401, error="invalid_client")


def test_keys_rotate_without_downtime(ask, sign, register, keys):
    """Two keys stand beside one another for a while."""
    new = ECKey.generate_key("P-384", {"kid": "new"})
    both = [keys["ES384"].as_dict(private=False), new.as_dict(private=False)]
    client = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks={"keys": both}, scope="system/*.rs",
    )  # fmt: skip
    assert ask(sign(client)).status_code == 200
    assert ask(sign(client, key=new)).status_code == 200


def test_two_keys_of_one_name_are_none(ask, sign, register, keys):
    twin = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "ec"}
    same = {**ECKey.generate_key("P-384").as_dict(private=False), "kid": "ec"}
    own = keys["ES384"].as_dict(private=False)
    details = {
        "kind": "backend", "auth_method": "private_key_jwt",
        "grant_types": ["client_credentials"], "scope": "system/*.rs",
    }  # fmt: skip
    assert ask(sign(register(jwks={"keys": [own, twin]}, **details))).status_code == 200
    refused(ask(sign(register(jwks={"keys": [own, same]}, **details))), 400, 401)


def test_bks_05_the_key_has_to_be_one_for_the_algorithm(ask, sign, register):
    """ES384 is for P-384 alone, and a key counts for what it is, whatever it says."""
    short = ECKey.generate_key("P-256", {"kid": "ec"})
    claims = {"alg": "ES384", "kty": "EC"}
    client = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks={"keys": [{**short.as_dict(private=False), **claims}]}, scope="system/*.rs",
    )  # fmt: skip
    own = ECKey.generate_key("P-384", {"kid": "ec"})
    refused(ask(sign(client, key=own)), 400, 401, error="invalid_client")


@pytest.mark.parametrize(
    "key",
    [{"kty": "EC", "kid": "ec"}, {"kty": "EC", "kid": "ec", "crv": "P-384", "x": "!", "y": 5},
     {"kty": "EC", "kid": "ec", "crv": "P-384", "x": "AA", "y": "AA"}, {"kid": "ec"}],
)  # fmt: skip
def test_p26_a_registered_key_that_is_none_is_no_fault_of_the_server(ask, sign, register, key):
    client = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks={"keys": [key]}, scope="system/*.rs",
    )  # fmt: skip
    refused(ask(sign(client)), 400, 401, error="invalid_client")


@pytest.mark.parametrize("text", ['["a"]', '"a"', "5", "null", '{"sub":{"$gt":""}}', '{"sub":[]}'])
def test_p24_claims_that_are_no_claims_are_refused(ask, text):
    parts = (b'{"alg":"ES384","kid":"ec"}', text.encode(), b"x")
    forged = ".".join(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in parts)
    refused(ask(forged), 400, 401)


@pytest.mark.parametrize("audience", ["/token/", "/TOKEN", "/introspect", "/fhir", ""])
def test_bks_06_an_audience_is_compared_as_text(ask, sign, backend, guarded, audience):
    if audience:
        refused(ask(sign(backend, aud=guarded.root + audience)), 400, 401, error="invalid_client")
    else:
        assert ask(sign(backend, aud=guarded.root)).status_code == 200  # the issuer


@pytest.fixture
def sibling(guarded, mongodb_url, tmp_path):
    """Another server of the same address on the same database, which is not started yet."""
    settings = {"mongodb_url": mongodb_url, "database": guarded.database, "access": "oauth"}
    made = processes.Server(tmp_path / "server.log", base_url=guarded.base, workers=1, **settings)
    yield made
    if made.child is not None:
        made.stop()


def test_bks_07_a_replay_is_known_to_another_process_and_after_a_restart(
    sibling, ask, sign, backend
):
    assertion, url = sign(backend), f"{sibling.root}/token"
    assert ask(assertion).status_code == 200
    sibling.start().ready()
    refused(ask(assertion, url=url), 400, 401, error="invalid_client")
    another = sign(backend)
    assert ask(another, url=url).status_code == 200
    sibling.stop()
    sibling.start().ready()
    refused(ask(another, url=url), 400, 401, error="invalid_client")
