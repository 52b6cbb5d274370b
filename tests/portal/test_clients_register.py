"""Apps and systems are registered on a page, by anybody, and wait: RFC 7591."""

import json

import pytest
import requests
from joserfc.jwk import ECKey

from server.identity import passwords
from tests.portal.browser import Browser
from tests.portal.reviewing import record, register, registered, told

pytestmark = pytest.mark.usefixtures("forgiving")


def key(**more):
    return {**ECKey.generate_key("P-384", {"kid": "1"}).as_dict(private=False), **more}


def test_an_app_is_registered_and_waits(browser, services):
    id = registered(
        browser,
        legal_name="血压科技",
        purpose="记录血压",
        contacts="0596-12345\napp@app.test",
        retention_days="30",
        policy_uri="https://app.test/privacy",
    )
    kept = record(services, id)
    assert kept["status"] == "pending"
    assert kept["auth_method"] == "none"
    assert kept["contacts"] == ["0596-12345", "app@app.test"]
    assert kept["retention_days"] == 30
    assert "registered_by" not in kept


def test_an_app_with_a_secret_is_told_it_once(browser, services):
    said = told(register(browser, kind="confidential"))
    kept = record(services, said["client_id"])
    assert passwords.is_right(kept["secret"], said["client_secret"])
    assert said["client_secret"] not in str(kept)
    assert said["client_secret"] not in browser.open("/developer/register").text


def test_the_token_that_is_told_manages_the_client(browser):
    said = told(register(browser))
    bearer = {"Authorization": f"Bearer {said['registration_access_token']}"}
    own = requests.get(said["registration_client_uri"], headers=bearer, timeout=20).json()
    assert own["client_id"] == said["client_id"]
    assert own["tongkang_status"] == "pending"


@pytest.mark.parametrize("form", ["set", "key"])
def test_a_system_is_registered_with_its_public_key(browser, services, form):
    public = key()
    text = json.dumps({"keys": [public]} if form == "set" else public)
    id = registered(
        browser, kind="backend", redirect_uris="", scope="system/Encounter.cruds", jwks=text
    )
    kept = record(services, id)
    assert kept["kind"] == "backend"
    assert kept["jwks"]["keys"][0]["kid"] == "1"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("client_name", "", {"zh": "请填写", "en": "needed"}),
        ("client_name", "a\u202eb", {"zh": "文字方向", "en": "turn the text round"}),
        ("client_name", "a\u200bb", {"zh": "看不见", "en": "nobody sees"}),
        ("client_name", "x" * 501, {"zh": "太长", "en": "too long"}),
        ("redirect_uris", "http://app.test/", {"zh": "须是 https", "en": "has to be https"}),
        ("redirect_uris", "https://*.app.test/", {"zh": "须是 https", "en": "has to be https"}),
        ("redirect_uris", "javascript:alert(1)", {"zh": "须是 https", "en": "has to be https"}),
        ("redirect_uris", "https://应用.test/", {"zh": "不是地址", "en": "no address"}),
        ("redirect_uris", "", {"zh": "请填写", "en": "needed"}),
        ("scope", "patient/*.nonsense", {"zh": "写错", "en": "misspelled"}),
        ("scope", "system/*.rs", {"zh": "不能有", "en": "not for this kind"}),
        ("policy_uri", "http://x.test", {"zh": "https", "en": "https"}),
        ("launch_uri", "javascript:x", {"zh": "https", "en": "https"}),
        ("retention_days", "0", {"zh": "3650", "en": "3650"}),
        ("retention_days", "九", {"zh": "3650", "en": "3650"}),
        ("jwks", "no json", {"zh": "JWK Set", "en": "JWK Set"}),
        ("jwks", json.dumps(key(d="x")), {"zh": "私钥", "en": "private key"}),
        ("jwks", json.dumps(key(kid="")), {"zh": "kid", "en": "kid"}),
        ("jwks", json.dumps(key()), {"zh": "二者之一", "en": "one of both"}),
    ],
)  # fmt: skip
def test_a_form_with_faults_says_where_and_what(guarded, language, field, value, says):
    with Browser(guarded.root, language) as browser:
        answer = register(browser, **{field: value})
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
        error = answer.text.split(f'id="{field}-error">')[1].split("</p>")[0]
        assert says[language] in error
        assert browser.forms()["/developer/register"]["scope"]


def test_all_faults_are_told_at_once(browser):
    answer = register(browser, client_name="", redirect_uris="x", policy_uri="x")
    for field in ("client_name", "redirect_uris", "policy_uri"):
        assert f'id="{field}-error"' in answer.text


def test_a_private_key_is_not_kept_and_not_logged(browser, guarded, services):
    secret = "sEcReT-pRiVaTe-kEy-of-the-hospital"
    register(browser, kind="backend", scope="system/*.rs", jwks=json.dumps(key(d=secret)))
    assert secret not in guarded.log.read_text()


def test_a_key_is_kept_without_what_does_not_belong_to_it(browser, services):
    text = json.dumps({"keys": [key(**{"$where": "x", "a.b": {"c": 2**70}})], "x": 1})
    id = registered(browser, kind="backend", redirect_uris="", scope="system/*.rs", jwks=text)
    assert set(record(services, id)["jwks"]["keys"][0]) == {"kty", "kid", "crv", "x", "y"}


def test_a_forged_form_registers_nothing(browser, services):
    browser.open("/developer/register")
    form = {"client_name": "a", "redirect_uris": "https://a.test/", "scope": "patient/*.rs"}
    assert browser.post("/developer/register", {**form, "csrf": "x"}).status_code == 403
    browser.open("/developer/register")
    headers = {"Origin": "https://evil.test"}
    assert browser.submit("/developer/register", headers=headers, **form).status_code == 403


def test_an_address_registers_only_so_many(browser):
    statuses = [register(browser).status_code for _ in range(22)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_who_registers_while_signed_in_is_remembered(administrator, services):
    id = registered(administrator)
    assert record(services, id)["registered_by"] == administrator.account["id"]
