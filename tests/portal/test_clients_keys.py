"""Clients change their keys without downtime, and nothing else behind the administrator's back.

Spec: https://www.rfc-editor.org/rfc/rfc7592#section-2.2
"""

import pytest
import requests
from joserfc.jwk import ECKey

from tests.auth.conftest import ask, endpoint, keys, sign
from tests.portal.reviewing import decide, record

__all__ = ["ask", "endpoint", "keys", "sign"]
pytestmark = pytest.mark.usefixtures("forgiving")
SCOPE = "system/Patient.rs"


class System:
    """A system that registered itself, with the token to change itself."""

    def __init__(self, guarded, *own):
        said = {
            "client_name": "电子病历",
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "scope": "system/Patient.rs system/Encounter.rs",
            "jwks": {"keys": [one.as_dict(private=False) for one in own]},
        }
        made = requests.post(f"{guarded.root}/register", json=said, timeout=20).json()
        self.id, self.uri = made["client_id"], made["registration_client_uri"]
        self.bearer = {"Authorization": f"Bearer {made['registration_access_token']}"}

    def said(self):
        return requests.get(self.uri, headers=self.bearer, timeout=20).json()

    def change(self, **changes):
        """Say of itself what it said, but for `changes`; None takes something away."""
        now = {k: v for k, v in {**self.said(), **changes}.items() if v is not None}
        answer = requests.put(self.uri, json=now, headers=self.bearer, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def use(self, *own):
        return self.change(jwks={"keys": [one.as_dict(private=False) for one in own]})


def key(name):
    return ECKey.generate_key("P-384", {"kid": name, "alg": "ES384"})


@pytest.fixture
def old():
    return key("2026-1")


@pytest.fixture
def new():
    return key("2026-2")


@pytest.fixture
def system(guarded, administrator, old):
    """A system that is approved for less than it asked for."""
    made = System(guarded, old)
    decide(administrator, made.id, "approved", scope=SCOPE, limited=None)
    return made


@pytest.fixture
def works(ask, sign):
    """Return a function that asks for a token, signing with a key, and tells whether it got one."""

    def works(system, with_key):
        answer = ask(sign(system.id, key=with_key))
        assert answer.status_code == 200 or answer.json()["error"] == "invalid_client"
        return answer.status_code == 200

    return works


def test_keys_change_without_downtime(administrator, system, works, old, new):
    assert works(system, old)
    told = system.use(old, new)
    assert told["tongkang_status"] == "approved"
    assert told["tongkang_waiting"] == ["jwks"]
    assert works(system, old)
    assert not works(system, new)
    assert "New keys that wait for review" in administrator.open("/admin/clients").text
    page = administrator.open(f"/admin/clients/{system.id}").text
    assert "<ins><bdi>2026-2" in page
    decide(administrator, system.id, "approved", limited=None)
    assert "tongkang_waiting" not in system.said()
    assert works(system, old)
    assert works(system, new)
    assert system.use(new)["tongkang_status"] == "approved"
    assert not works(system, old)
    assert works(system, new)
    assert system.said()["scope"] == SCOPE


def test_a_key_that_leaks_is_out_at_once_while_another_waits(system, works, old, new):
    system.use(old, new)
    system.use(new)
    assert not works(system, old)
    assert not works(system, new)


def test_all_keys_at_once_are_looked_at_first(services, system, works, old, new):
    assert system.use(new)["tongkang_status"] == "pending"
    assert not works(system, old)
    assert not works(system, new)


def test_a_key_of_the_same_name_is_not_the_same(services, system, works, old):
    other = key("2026-1")
    assert system.use(other)["tongkang_status"] == "pending"
    assert not works(system, other)


def test_keys_move_to_an_address(services, system):
    told = system.change(jwks=None, jwks_uri="https://a.test/keys")
    assert told["tongkang_status"] == "pending"
    assert record(services, system.id)["jwks"] is None


@pytest.mark.parametrize(
    "change",
    [{"client_name": "国家平台"}, {"legal_name": "国家平台"}, {"purpose": "其他"},
     {"scope": "system/Patient.rs system/Encounter.rs system/Observation.rs"},
     {"policy_uri": "https://a.test/"}, {"retention_days": 3}],
)  # fmt: skip
def test_what_people_rely_on_is_looked_at_again(system, works, old, change):
    assert system.change(**change)["tongkang_status"] == "pending"
    assert not works(system, old)


def test_what_nobody_relies_on_changes_at_once(services, system, works, old):
    assert system.change(contacts=["0596"])["tongkang_status"] == "approved"
    assert record(services, system.id)["contacts"] == ["0596"]
    assert system.change()["tongkang_status"] == "approved"
    assert record(services, system.id)["scope"] == SCOPE
    assert works(system, old)


def test_who_is_suspended_stays_so_whatever_it_changes(administrator, services, system, new):
    decide(administrator, system.id, "suspended")
    assert system.use(new)["tongkang_status"] == "suspended"
    assert "<ins><bdi>2026-2" in administrator.open(f"/admin/clients/{system.id}").text


def test_who_was_refused_asks_again(administrator, guarded, old):
    made = System(guarded, old)
    decide(administrator, made.id, "refused")
    assert made.change()["tongkang_status"] == "refused"
    assert made.change(legal_name="县医院")["tongkang_status"] == "pending"
