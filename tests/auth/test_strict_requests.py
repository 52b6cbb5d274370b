"""TOK-09 to TOK-15 and P20 to P25 at every endpoint: one form, each parameter once, never a 5xx.

https://www.rfc-editor.org/rfc/rfc6749#section-3.2, https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

import base64
import logging
import re

import pytest
import requests
from flask import Flask

from server.auth.requests import answered
from server.identity.shelves import ATTEMPTS
from tests import processes
from tests.auth.conftest import SECRET

ENDPOINTS = ["/token", "/introspect", "/revoke", "/par"]
HOSTILE = [
    "居民", '"', "\\", "'", "\0", "\r\nSet-Cookie: a=b", "\u202e", "\ufffd", "a" * 9000, "$ne",
    '{"$gt":""}', "%00", "%", "../..", "😀", " ", "urn:x",
]  # fmt: skip
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


pytestmark = pytest.mark.usefixtures("forgiving")


def post(guarded, path, **given):
    return requests.post(f"{guarded.root}{path}", timeout=20, **given)


def refused(answer, *codes):
    assert answer.status_code in (codes or (400, 401)), (answer.status_code, answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json()
    assert "access_token" not in said
    assert re.fullmatch(r"[a-z_]+", said["error"])
    # TOK-15
    assert DESCRIPTION.fullmatch(said.get("error_description", ""))
    assert "Traceback" not in answer.text
    return said


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_tok_09_only_post_will_do(guarded, path, method):
    answer = requests.request(method, f"{guarded.root}{path}", timeout=20)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_tok_09_a_query_is_refused(guarded, path, confidential):
    form = {"token": "x", "grant_type": "refresh_token", "refresh_token": "x"}
    answer = post(
        guarded, f"{path}?grant_type=refresh_token", data=form, auth=(confidential, SECRET)
    )
    refused(answer, 400)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_tok_09_only_a_form_will_do(guarded, path, confidential):
    owner, form = (confidential, SECRET), {"token": "x", "grant_type": "refresh_token"}
    refused(post(guarded, path, json=form, auth=owner), 400, 415)
    refused(post(guarded, path, files={"token": "x"}, auth=owner), 400, 415)
    text = {"Content-Type": "text/plain"}
    refused(post(guarded, path, data="token=x", headers=text, auth=owner), 400, 415)
    refused(post(guarded, path, data=b"", auth=owner), 400, 415)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_tok_10_a_parameter_that_comes_twice_is_refused(guarded, path, confidential):
    form = [("token", "x"), ("token", "y"), ("grant_type", "refresh_token")]
    assert refused(post(guarded, path, data=form, auth=(confidential, SECRET)), 400)["error"] == (
        "invalid_request"
    )


@pytest.mark.parametrize("path", ENDPOINTS)
def test_tok_11_a_client_authenticates_in_one_way(guarded, path, confidential, sign, backend):
    form = {"token": "x", "grant_type": "refresh_token", "refresh_token": "x"}
    owner = (confidential, SECRET)
    refused(post(guarded, path, data={**form, "client_secret": SECRET}, auth=owner), 400)
    signed = {"client_assertion_type": "x", "client_assertion": sign(backend)}
    refused(post(guarded, path, data={**form, **signed}, auth=owner), 400)
    refused(post(guarded, path, data={**form, **signed, "client_secret": "x"}), 400)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_tok_11_17_the_id_beside_a_secret_is_the_same(guarded, path, confidential, register):
    form = {"token": "x", "grant_type": "refresh_token", "refresh_token": "x"}
    owner, public = (confidential, SECRET), register()
    refused(post(guarded, path, data={**form, "client_id": public}, auth=owner), 401)


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ", "Basic !!!!", "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
     "Basic " + base64.b64encode(b"nocolon").decode(), "Basic " + base64.b64encode(b":").decode(),
     "Basic " + "A" * 4000, "Digest x", "Bearer", "Basic w6Q6w6Q=",
     b"Basic \xc3\xa9", b"basic \xff"],
)  # fmt: skip
def test_tok_13_a_header_that_is_broken_is_401(guarded, path, header):
    form = {"token": "x", "grant_type": "client_credentials", "scope": "system/*.rs"}
    answer = post(guarded, path, data=form, headers={"Authorization": header})
    refused(answer)


def test_tok_13_a_wrong_secret_is_401_and_says_how(guarded, confidential):
    form = {"grant_type": "authorization_code", "code": "x"}
    answer = post(guarded, "/token", data=form, auth=(confidential, "wrong"))
    refused(answer, 401)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="tongkang"'


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_p24_whatever_comes_is_answered(guarded, services, path, value, confidential):
    names = (
        "grant_type", "scope", "client_id", "redirect_uri", "response_type", "token", "code",
        "client_assertion", "client_assertion_type", "token_type_hint", value,
    )  # fmt: skip
    for name in names:
        form = {"token": "x", "grant_type": "client_credentials", name: value}
        for auth in (None, (confidential, SECRET)):
            answer = post(guarded, path, data=form, auth=auth)
            assert answer.status_code < 500, (name, value, answer.text)
            if answer.status_code >= 400:
                refused(answer, answer.status_code)
            assert "Set-Cookie" not in answer.headers
        services.store.shelf(ATTEMPTS).remove({})  # to stay below what an address may do wrong


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe=\xff", b"grant_type=%ff", b"grant_type=%", b"=&=&=", b"&" * 5000, b"\0" * 100,
     b"token=" + b"a" * 100_000, b"a=b&" * 20_000],
)  # fmt: skip
@pytest.mark.parametrize("path", ENDPOINTS)
def test_p24_broken_bodies_are_refused(guarded, path, body):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = post(guarded, path, data=body, headers=kind)
    assert 400 <= answer.status_code < 500
    refused(answer, answer.status_code)


@pytest.mark.parametrize("headers", [{"Host": "fhir.test"}, {"X-Forwarded-Proto": "https"}])
def test_p25_behind_whatever_name_it_is_no_fault_of_the_server(guarded, confidential, headers):
    form = {"grant_type": "authorization_code", "code": "x", "token": "x"}
    for path in ENDPOINTS:
        answer = post(guarded, path, data=form, auth=(confidential, SECRET), headers=headers)
        assert answer.status_code < 500


@pytest.mark.parametrize(
    "grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device"]
)
def test_tok_16_grants_that_are_unsafe_are_not_there(guarded, confidential, grant):
    form = {"grant_type": grant, "username": "a", "password": "b"}
    answer = post(guarded, "/token", data=form, auth=(confidential, SECRET))
    assert refused(answer, 400)["error"] == "unsupported_grant_type"


def test_guesses_at_secrets_are_throttled(guarded, register):
    """BKS-15, INT-08: more than thirty wrong secrets in five minutes are too many."""
    client = register(auth_method="client_secret_basic", secret="$argon2id$x")
    form = {"grant_type": "authorization_code", "code": "x"}
    codes = [
        post(guarded, "/token", data=form, auth=(client, f"guess {n}")).status_code
        for n in range(35)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429


@pytest.mark.parametrize("path", [*ENDPOINTS, "/register"])
def test_p24_a_body_that_does_not_say_how_long_it_is_is_read_so_far(guarded, path):
    def pieces():
        for _ in range(40):
            yield b"a" * 100_000

    kind = "application/json" if path == "/register" else "application/x-www-form-urlencoded"
    workers = processes.children(guarded.child.pid)
    try:
        answer = post(guarded, path, data=pieces(), headers={"Content-Type": kind})
        assert answer.status_code in (400, 413)
    except requests.ConnectionError:
        pass  # it hung up before all was sent, which is an answer only if nobody died of it
    assert processes.children(guarded.child.pid) == workers
    assert processes.status(f"{guarded.root}/readyz") == 200


def test_bks_15_a_good_secret_does_not_count_as_a_guess(guarded, confidential):
    owner, form = (confidential, SECRET), {"grant_type": "authorization_code", "code": "x"}
    answers = [post(guarded, "/revoke", data={"token": "x"}, auth=owner) for _ in range(35)]
    assert {answer.status_code for answer in answers} == {200}
    wrong = post(guarded, "/token", data=form, auth=(confidential, "wrong"))
    assert wrong.status_code == 401


def test_operators_hear_of_a_fault_of_ours_but_of_nobodys_data(monkeypatch):
    @answered
    def broken():
        raise KeyError("陈甲子")

    records, heard = [], logging.Handler()
    heard.emit = records.append
    # Its own handler: who else listens, and where lines go on to, is up to other tests.
    monkeypatch.setattr(logging.getLogger("tongkang.failure"), "handlers", [heard])
    with Flask("broken").test_request_context():
        assert broken().json == {"error": "invalid_request"}
    (record,) = records
    assert record.error == "KeyError"
    assert record.where[-1].endswith(" broken")
    assert "陈甲子" not in str(vars(record))
