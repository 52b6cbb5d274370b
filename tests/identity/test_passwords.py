"""GB/T 22239-2019 8.1.4.1: passwords that are hard to guess, kept so that they stay unknown."""

from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from server.fhir.outcome import Conflict, Unprocessable
from server.identity import accounts, passwords
from server.settings import Settings
from tests.builders import fresh
from tests.identity.conftest import PASSWORD


@pytest.mark.parametrize("password", ["Abc-1234x", "a long one indeed", "安全口令一二三四五六七八"])
def test_a_good_password_is_long_or_mixed(password):
    passwords.require_good(password)


@pytest.mark.parametrize(
    "password",
    ["", "Ab-1", "abcdefgh", "abcd1234x", "x" * 257, "password12345", "aaaaaaaaaaaaaa",
     "P@ssw0rd-1 x"],
)  # fmt: skip
def test_a_bad_one_is_refused(password):
    with pytest.raises(Unprocessable):
        passwords.require_good(password)


@pytest.mark.parametrize(
    "known", ["陈甲子", "13800001111", "19900131", "900131", "{number}", "{last}"]
)
def test_what_is_known_of_a_resident_is_no_part_of_a_password(services, resident, number, known):
    part = known.format(number=number.lower(), last=number[-6:])
    with pytest.raises(Unprocessable):
        accounts.set_password(services, resident, f"Zq-{part}-long enough")


def test_the_login_of_staff_is_no_part_of_a_password(services, member):
    account = member()
    with pytest.raises(Unprocessable):
        accounts.set_password(services, account, f"x {account['shown'].upper()} y")


def test_passwords_are_kept_by_argon2id_with_what_is_asked(services, resident):
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in resident["password"]


def test_signing_in_keeps_an_old_hash_anew(services, resident):
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    accounts.shelf(services).change(resident["id"], {"password": old})
    assert accounts.authenticated(services, resident["login"], "wrong") is None
    assert accounts.shelf(services).find(resident["id"])["password"] == old
    assert accounts.authenticated(services, resident["login"], PASSWORD)
    assert "m=19456,t=2,p=1" in accounts.shelf(services).find(resident["id"])["password"]


@pytest.fixture
def hashes(monkeypatch):
    """The calls of argon2 so far."""
    calls, hasher = [], passwords._hasher

    class Counting:
        hash, check_needs_rehash = hasher.hash, hasher.check_needs_rehash

        def verify(self, *given):
            calls.append("verify")
            return hasher.verify(*given)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    return calls


@pytest.mark.parametrize("case", ["right", "wrong", "unknown", "locked", "without a password"])
def test_every_sign_in_takes_one_hash(services, member, hashes, case):
    account = member()
    changes = {"locked": {"status": "locked"}, "without a password": {"password": None}}
    accounts.shelf(services).change(account["id"], changes.get(case, {"note": 1}))
    login = "staff:nobody" if case == "unknown" else account["login"]
    found = accounts.authenticated(services, login, "wrong" if case == "wrong" else PASSWORD)
    assert (found is not None) is (case == "right")
    assert hashes == ["verify"]


@pytest.mark.parametrize("password", ["", "\0", "$argon2id$", "a" * 10_000, "😀" * 300])
def test_hostile_passwords_are_wrong_passwords(services, resident, password):
    assert accounts.authenticated(services, resident["login"], password) is None


def test_a_login_comes_once(services, member):
    account = member()
    with pytest.raises(Conflict):
        accounts.add_staff(
            services, account["shown"].upper(), {"name": "王丙寅", "role": "auditor"}
        )


def test_a_record_has_one_account_by_whatever_number(services, resident):
    with pytest.raises(Conflict):
        accounts.add_bound(
            services, accounts.resident_login("350602900131001"), "陈甲子", resident["person"]
        )


def test_an_account_to_try_out_does_not_work_in_production(member):
    account = member(demo=True)
    production = replace(Settings(), mode="production", base_url="https://example.org/fhir")
    assert accounts.is_in_use(account, Settings())
    assert not accounts.is_in_use(account, production)
    assert accounts.is_in_use({**account, "demo": False}, production)


@pytest.mark.parametrize("status", ["locked", "closed"])
def test_only_an_active_account_is_in_use(member, status):
    assert not accounts.is_in_use({**member(), "status": status}, Settings())


def test_logins_are_not_the_numbers_they_are_made_of(number):
    assert number not in accounts.resident_login(number)
    assert accounts.resident_login(f" {number.lower()} ") == accounts.resident_login(number)
    assert accounts.staff_login(f" {fresh()}A ").endswith("a")
