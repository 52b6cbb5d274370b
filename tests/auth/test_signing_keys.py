"""OID-06: keys change without a moment in which an id token cannot be made or checked."""

import secrets
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from server.app import create_app
from server.auth import shelves
from server.auth.keys import Keys
from server.auth.visit import SERVICES
from server.services import Interpreters, Services
from server.settings import Settings
from tests.processes import wait_until


@pytest.fixture
def services(mongodb_url):
    """The services of a server of which nobody has signed in yet."""
    settings = Settings(mongodb_url=mongodb_url, database=f"test_{secrets.token_hex(6)}")
    opened = Services.open(Interpreters.of(settings), bytes)
    yield opened
    opened.close()


@pytest.fixture
def two(services):
    """The keys as two processes see them."""
    return Keys(services), Keys(services)


def age(services, **by):
    """Have some time pass for all keys."""
    shelf = services.store.shelf(shelves.KEYS)
    for key in shelf.each({}):
        shelf.change(key["id"], {"signs_from": key["signs_from"] - timedelta(**by)})


def ids(keys):
    return {key["kid"] for key in keys.published()["keys"]}


def test_the_first_key_signs_at_once_for_all(two):
    one, other = two
    assert other.claims(one.sign({"sub": "a"})) == {"sub": "a"}
    assert one.claims(other.sign({"sub": "b"})) == {"sub": "b"}


def test_the_next_key_is_published_a_day_before_it_signs(services, two):
    one, other = two
    token = one.sign({"sub": "a"})
    age(services, days=89, hours=1)
    other.sign({"sub": "a"})
    assert len(ids(one)) == 2
    old, new = one.known()
    assert new.since > datetime.now(UTC) + timedelta(hours=23)
    assert old.until > new.since + timedelta(days=89)
    assert new.until is None
    assert other.claims(token) == {"sub": "a"}
    assert len(ids(one)) == 2
    age(services, days=1)
    assert one.claims(other.sign({"sub": "b"})) == {"sub": "b"}


@pytest.mark.parametrize("days", [179, 180, 181, 1000])
def test_a_key_signs_however_long_nobody_signed_in(services, two, days):
    one, other = two
    token = one.sign({"sub": "a"})
    age(services, days=days)
    for _ in range(2):
        assert one.claims(other.sign({"sub": "b"})) == {"sub": "b"}
    assert one.claims(token) == {"sub": "a"}
    assert len(ids(one)) == 2


def test_while_the_old_key_is_gone_the_next_one_signs(services, two):
    one, _ = two
    one.rotate()
    assert len(ids(one)) == 2
    services.store.shelf(shelves.KEYS).take(one.known()[0].id)
    assert one.claims(one.sign({"sub": "a"})) == {"sub": "a"}


def test_keys_are_encrypted_also_those_that_were_kept_plain(services, two):
    one, other = two
    token, shelf = one.sign({"sub": "a"}), services.store.shelf(shelves.KEYS)
    (record,) = shelf.all({})
    assert isinstance(record["key"], str)
    plain = orjson.loads(services.safe.opened(record["key"], f"_signing_keys/{record['id']}"))
    shelf.change(record["id"], {"key": plain})
    assert other.claims(token) == {"sub": "a"}
    one.encrypt()
    kept = shelf.find(record["id"])["key"]
    assert services.safe.is_current(kept)
    assert plain["d"] not in kept
    assert other.claims(token) == {"sub": "a"}


def test_a_server_encrypts_when_it_starts_what_was_kept_plain(services, two):
    one, _ = two
    one.sign({"sub": "a"})
    shelf, settings = services.store.shelf(shelves.KEYS), services.interpreters.settings
    (record,) = shelf.all({})
    plain = orjson.loads(services.safe.opened(record["key"], f"_signing_keys/{record['id']}"))
    shelf.change(record["id"], {"key": plain})
    app = create_app(settings)
    try:
        assert app.test_client().get("/jwks").json["keys"][0]["kid"] == record["id"]
        wait_until(lambda: isinstance(shelf.find(record["id"])["key"], str))
    finally:
        app.extensions[SERVICES]().close()
