"""P24: whatever is sent to the authorization server, it answers, and never with a fault of its own.

What is sent is put together at random, of good values and bad ones, the same ones each time.
"""

import base64
import json
import random
from collections import Counter

import pytest
import requests

from server.identity.shelves import ATTEMPTS
from tests.auth.conftest import ASSERTION, SECRET

PATHS = [
    "/token", "/introspect", "/revoke", "/par", "/register", "/userinfo", "/jwks", "/authorize",
    "/end-session", "/launches", "/.well-known/openid-configuration", "/developer/register",
    "/fhir/.well-known/smart-configuration", "/token/", "//token", "/TOKEN",
]  # fmt: skip
PARAMETERS = [
    "grant_type", "scope", "client_id", "client_secret", "client_assertion", "token", "code",
    "client_assertion_type", "code_verifier", "redirect_uri", "refresh_token", "token_type_hint",
    "request", "request_uri", "response_type", "state", "aud", "resource", "nonce", "x",
]  # fmt: skip
METADATA = [
    "client_name", "redirect_uris", "scope", "jwks", "jwks_uri", "grant_types", "response_types",
    "token_endpoint_auth_method", "contacts", "logo_uri", "client_id", "software_statement",
    "retention_days", "purpose",
]  # fmt: skip
VALUES = [
    "", "居民", "\0", "\\", '"', "%ff", "a" * 3000, "[]", "{}", "null", "-1", "1e999", "\u202e",
    "client_credentials", "authorization_code", "refresh_token", "code", "none", "openid",
    "system/*.rs", "patient/*.rs?x=%", ASSERTION, "https://app.test/callback", "S256",
]  # fmt: skip
METHODS = ["POST"] * 6 + ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"]
CLAIMS = ["aud", "iss", "sub", "exp", "jti", "nbf", "iat"]
ODD = [None, [], {}, "x", float("inf"), float("nan"), -1, 10**30, True]


class Sender:
    """Puts requests together from `secrets`, which are good for something, and worse."""

    def __init__(self, seed, root, secrets, sign):
        self.random, self.root, self.values = random.Random(seed), root, [*VALUES, *secrets]
        self.secrets, self.sign = secrets, sign

    def value(self):
        one = self.random
        if one.random() < 0.1:
            return self.sign(one.choice(self.secrets), **{one.choice(CLAIMS): one.choice(ODD)})
        return one.choice(self.values)

    def deep(self):
        key = {"kty": self.value(), "kid": self.value(), "n": self.value()}
        return self.random.choice(
            [self.value(), [self.value()], {self.value(): 1}, 0.5, None, True, [[[[]]]],
             {"keys": []}, {"keys": [{}]}, {"keys": [key]}, {"keys": self.value()}]
        )  # fmt: skip

    def headers(self):
        one, made = self.random, {}
        if one.random() < 0.4:
            pair = f"{self.value()}:{self.value()}".encode()
            proof = one.choice([base64.b64encode(pair).decode(), *self.secrets, "é"])
            made["Authorization"] = f"{one.choice(['Basic', 'Bearer', 'basic', 'DPoP'])} {proof}"
        if one.random() < 0.2:
            made["Origin"] = one.choice(["null", "https://app.test", "x"])
        if one.random() < 0.2:
            made["X-Forwarded-For"] = one.choice(["x", "1.2.3.4", "::1", "a,b"])
        return {name: value.encode() for name, value in made.items()}

    def body(self):
        one = self.random
        some = range(one.randrange(8))
        kind = one.random()
        if kind < 0.6:
            return {"data": [(one.choice(PARAMETERS), self.value()) for _ in some]}, {}
        if kind < 0.9:
            said = {one.choice(METADATA): self.deep() for _ in some}
            return {"data": json.dumps(said)}, {"Content-Type": "application/json"}
        return {"data": one.randbytes(one.randrange(200))}, {}

    def send(self):
        method, path = self.random.choice(METHODS), self.random.choice(PATHS)
        body, kind = self.body()
        headers = {**self.headers(), **kind}
        answer = requests.request(
            method, self.root + path, headers=headers, timeout=20, allow_redirects=False, **body
        )
        return answer, (method, path, headers, body)


@pytest.fixture
def secrets(confidential, backend, granted):
    """What is good for something, at some endpoint."""
    app, answer = granted
    pair = base64.b64encode(f"{confidential}:{SECRET}".encode()).decode()
    return [confidential, backend, app.id, pair, answer["access_token"], answer["id_token"]]


@pytest.mark.parametrize("seed", range(4))
def test_no_request_is_a_fault_of_the_server(seed, guarded, services, secrets, sign):
    sender = Sender(seed, guarded.root, secrets, sign)
    answers = Counter()
    for number in range(250):
        if number % 25 == 0:
            services.store.shelf(ATTEMPTS).remove({})
        made, asked = sender.send()
        answers[made.status_code] += 1
        assert made.status_code < 500, (asked, made.text)
    assert len(answers) > 4
