"""A server that asks who is calling, registered clients, and how they ask for tokens."""

import time
import uuid
from datetime import UTC, datetime

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from server.auth import shelves
from server.identity import passwords
from server.identity.shelves import ATTEMPTS
from tests.auth.unit import UNIT
from tests.auth.world import World
from tests.builders import fresh
from tests.portal.conftest import browser, guarded, services

__all__ = ["browser", "guarded", "services"]

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET = "a-secret-of-more-than-256-random-bits-or-so-it-is-said"


@pytest.fixture(scope="session")
def world(services, guarded):
    """People and apps to try authorisation with."""
    return World(services, guarded.root)


@pytest.fixture(scope="module")
def app(world):
    """An app that may ask for whatever a person can give."""
    return world.app()


@pytest.fixture
def someone(world):
    """A resident."""
    return world.resident()


@pytest.fixture(scope="module")
def doctor(world):
    """A clinician of the unit."""
    return world.staff(organization=UNIT, division="350602")


@pytest.fixture(scope="session")
def keys():
    """One key pair of each kind that systems sign with."""
    return {
        "ES384": ECKey.generate_key("P-384", {"kid": "ec", "alg": "ES384"}),
        "RS384": RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS384"}),
    }


@pytest.fixture(scope="session")
def register(services):
    """Return a function that registers a client as an administrator approves it."""

    def register(**details):
        client_id = fresh()
        record = {
            "name": "试用应用",
            "kind": "app",
            "status": "approved",
            "created": datetime.now(UTC),
            "redirect_uris": ["https://app.test/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "auth_method": "none",
            "scope": "openid fhirUser launch/patient offline_access patient/*.rs",
            **details,
        }
        services.store.shelf(shelves.CLIENTS).add(client_id, record)
        return client_id

    return register


@pytest.fixture(scope="session")
def backend(register, keys):
    """The id of a system that may do everything, and signs with either key."""
    public = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    return register(
        kind="backend",
        auth_method="private_key_jwt",
        grant_types=["client_credentials"],
        jwks=public,
        redirect_uris=[],
        scope="system/*.cruds",
    )


@pytest.fixture(scope="session")
def confidential(register):
    """The id of an app with a secret, SECRET."""
    return register(auth_method="client_secret_basic", secret=passwords.hashed(SECRET))


@pytest.fixture(scope="session")
def endpoint(guarded):
    return f"{guarded.root}/token"


@pytest.fixture(scope="session")
def sign(keys, endpoint):
    """Return a function that makes an assertion; what is given as None is left out."""

    def sign(client_id, algorithm="ES384", key=None, header=None, **claims):
        said = {
            "iss": client_id,
            "sub": client_id,
            "aud": endpoint,
            "exp": int(time.time()) + 300,
            "jti": uuid.uuid4().hex,
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        used = key or keys[algorithm]
        named = {"alg": algorithm, "kid": used.kid, "typ": "JWT", **(header or {})}
        return jwt.encode(named, said, used, algorithms=[algorithm])

    return sign


@pytest.fixture(scope="session")
def ask(endpoint):
    """Return a function that asks for a token as a system does."""

    def ask(assertion, url=endpoint, **form):
        asked = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.rs",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion,
            **form,
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        return requests.post(url, data=asked, timeout=20)

    return ask


@pytest.fixture(scope="session")
def asker(register):
    """An app that may introspect, with its secret."""
    client = register(
        auth_method="client_secret_basic", secret=passwords.hashed(SECRET), may_introspect=True
    )
    return client, SECRET


@pytest.fixture
def own(guarded, services):
    """Return a function that registers and approves a client: (a function to ask it, its id)."""

    def own(metadata):
        said = requests.post(f"{guarded.root}/register", json=metadata, timeout=20).json()
        services.store.shelf(shelves.CLIENTS).change(said["client_id"], {"status": "approved"})
        bearer = {"Authorization": f"Bearer {said['registration_access_token']}"}

        def send(method, body=None):
            body = body and {**body, "client_id": said["client_id"]}
            where = said["registration_client_uri"]
            return requests.request(method, where, json=body, headers=bearer, timeout=20)

        return send, said["client_id"]

    return own


@pytest.fixture
def token(ask, sign, backend):
    """The token of a system that may see residents."""
    return ask(sign(backend)).json()["access_token"]


@pytest.fixture
def granted(world):
    """What a resident let an app have, and the app."""
    app = world.app()
    scope = "openid fhirUser launch/patient offline_access patient/Patient.rs"
    return app, world.tokens(app, world.resident(), scope=scope)


def introspect(guarded, token, auth=None, **form):
    form = {"token": token, **form}
    return requests.post(f"{guarded.root}/introspect", data=form, auth=auth, timeout=20)


def read(guarded, **headers):
    return requests.get(f"{guarded.base}/Patient", headers=headers, timeout=20)


def refused(answer, *codes, error=None):
    """Return what `answer` says, which has one of `codes` and no token."""
    assert answer.status_code in codes, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json()
    assert "access_token" not in said
    if error:
        assert said["error"] == error
    return said


@pytest.fixture
def forgiving(services):
    """Count nothing that was tried before."""
    services.store.shelf(ATTEMPTS).remove({})


@pytest.fixture(scope="module")
def url(guarded):
    """Where clients register."""
    return f"{guarded.root}/register"
