"""The second factor of staff: RFC 6238, each code once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from server.fhir.outcome import Unavailable
from server.identity import accounts, totp

SECRET = pyotp.random_base32()


def now(steps=0):
    return pyotp.TOTP(SECRET).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


@pytest.fixture
def account(services, member):
    """Return a function that reads the account of a member of staff with a second factor."""
    made = member()
    values = {"totp": SECRET, "totp_step": 0, "recovery": []}
    accounts.shelf(services).change(made["id"], values)
    return lambda: accounts.shelf(services).find(made["id"])


@pytest.mark.parametrize(("steps", "is_right"), [(-1, True), (0, True), (1, True), (9, False)])
def test_a_code_is_right_within_half_a_minute(services, account, steps, is_right):
    assert totp.is_right(services, account(), now(steps)) is is_right


def test_a_code_is_used_up_and_so_are_those_before(services, account):
    assert totp.is_right(services, account(), now())
    assert not totp.is_right(services, account(), now())
    assert not totp.is_right(services, account(), now(-1))


def test_of_eight_uses_of_a_code_at_once_one_succeeds(services, account):
    found, code = account(), now()
    with ThreadPoolExecutor(8) as pool:
        right = list(pool.map(lambda _: totp.is_right(services, found, code), range(8)))
    assert sum(right) == 1


def test_setting_up_gives_recovery_codes_that_work_once(services, member):
    made = member()
    codes = totp.set_up(services, made, SECRET, now())
    assert len(set(codes)) == 10
    account = accounts.shelf(services).find(made["id"])
    assert not set(codes) & set(account["recovery"])
    assert totp.is_right(services, account, codes[0].upper())
    account = accounts.shelf(services).find(made["id"])
    assert not totp.is_right(services, account, codes[0])
    with ThreadPoolExecutor(8) as pool:
        right = list(pool.map(lambda _: totp.is_right(services, account, codes[1]), range(8)))
    assert sum(right) == 1


def test_the_code_that_set_it_up_signs_nobody_in(services, member):
    made, code = member(), now()
    assert totp.set_up(services, made, SECRET, code)
    assert not totp.is_right(services, accounts.shelf(services).find(made["id"]), code)


def test_nobody_sets_up_another_beside_it(services, account):
    assert totp.set_up(services, account(), pyotp.random_base32(), "000000") is None
    assert totp.set_up(services, account(), SECRET, now()) is None
    totp.forget(services, account())
    assert totp.set_up(services, account(), SECRET, now())


@pytest.mark.parametrize(
    "code", ["", "000000 ", "甲乙丙丁戊己", "１２３４５６", "-1", "\ud800", "9" * 999]
)
def test_hostile_codes_are_wrong_codes(services, account, code):
    assert not totp.is_right(services, account(), code)


def test_an_account_without_a_second_factor_has_no_right_code(services, member):
    assert not totp.is_right(services, member(), "")


def test_the_picture_is_part_of_the_page():
    assert totp.picture(SECRET, "甲 & <b>").startswith("data:image/svg+xml")


def test_the_secret_is_encrypted_also_one_that_was_kept_plain(services, account, member):
    plain, made = account(), member()
    totp.set_up(services, made, SECRET, now())
    totp.encrypt(services)
    for id in (plain["id"], made["id"]):
        kept = accounts.shelf(services).find(id)
        assert services.safe.is_current(kept["totp"])
        assert SECRET not in kept["totp"]
        assert totp.secret_of(services, kept) == SECRET
    assert totp.is_right(services, account(), now())


def test_the_secret_of_one_account_is_of_no_use_in_another(services, member):
    made, other = member(), member()
    totp.set_up(services, made, SECRET, now())
    kept = accounts.shelf(services).find(made["id"])["totp"]
    accounts.shelf(services).change(other["id"], {"totp": kept, "totp_step": 0})
    with pytest.raises(Unavailable):
        totp.is_right(services, accounts.shelf(services).find(other["id"]), now())
