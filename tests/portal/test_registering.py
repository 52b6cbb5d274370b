"""Residents register by their real names: R1.18, R3.8."""

import re

import pytest

from server.identity import accounts, senders, shelves
from tests.portal.browser import Browser
from tests.portal.people import PASSWORD, codes, describe
from tests.processes import wait_until

pytestmark = pytest.mark.usefixtures("forgiving")


def test_a_resident_registers_by_their_real_name(browser, registered, services):
    number, name, id = registered()
    assert "/sign-out" in browser.forms()
    account = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    assert (account["person"], account["name"]) == (f"Patient/{id}", name)
    assert number not in str(account)
    browser.submit("/sign-out")
    browser.sign_in(number, PASSWORD)
    assert "/sign-out" in browser.forms()


def test_the_page_says_where_the_code_is(browser, resident):
    number, name, born, _ = resident()
    describe(browser, number, name, born)
    assert "written to its log" in browser.text()


@pytest.mark.parametrize(
    "wrong", [{"name": "李乙丑"}, {"born": "1990-02-01"}, {"number": "350602199001319999"}]
)
def test_who_is_not_so_described_hears_the_same_and_gets_no_account(
    guarded, browser, resident, services, wrong
):
    number, name, born, _ = resident()
    before = len(codes(guarded))
    right = describe(browser, number, name, born).text
    wait_until(lambda: len(codes(guarded)) > before)
    before = len(codes(guarded))
    with Browser(guarded.root) as other:
        told = describe(other, **{"number": number, "name": name, "born": born, **wrong}).text
        hide = re.compile(r'value="[^"]*"')
        assert hide.sub("", told) == hide.sub("", right)
        for code in ("000000", "123456"):
            other.submit("/register-account/confirm", code=code, password=PASSWORD)
            assert other.answer.status_code == 422
    assert len(codes(guarded)) == before
    assert accounts.shelf(services).first({"login": accounts.resident_login(number)}) is None


def test_a_code_may_be_guessed_five_times(browser, resident, code_of):
    number, name, born, _ = resident()
    describe(browser, number, name, born)
    code = code_of()
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        browser.submit("/register-account/confirm", code=wrong, password=PASSWORD)
    browser.submit("/register-account/confirm", code=code, password=PASSWORD)
    assert browser.answer.status_code == 422


def test_who_forgot_the_password_registers_once_more(
    guarded, browser, registered, code_of, services
):
    number, name, id = registered()
    with Browser(guarded.root) as other:
        describe(other, number, name, "1990-01-31")
        other.submit("/register-account/confirm", code=code_of(), password="another horse 77")
        assert "/sign-out" in other.forms()
    assert services.store.shelf(shelves.ACCOUNTS).count({"person": f"Patient/{id}"}) == 1
    browser.open("/me/security")
    assert browser.answer.url.split("?")[0].endswith("/sign-in")
    assert browser.sign_in(number, PASSWORD).status_code == 401
    browser.sign_in(number, "another horse 77")
    assert "/sign-out" in browser.forms()


@pytest.mark.parametrize(
    "password", ["short", "password1234", "陈甲子陈甲子陈甲子陈甲子", "aaaaaaaaaaaa"]
)
def test_a_password_that_is_guessed_is_refused(browser, resident, code_of, password):
    number, name, born, _ = resident()
    describe(browser, number, name, born)
    code = code_of()
    browser.submit("/register-account/confirm", code=code, password=password)
    assert browser.answer.status_code == 422
    browser.submit("/register-account/confirm", code=code, password=PASSWORD)
    assert "/sign-out" in browser.forms()


@pytest.mark.parametrize(
    "wrong",
    [{"number": "1"}, {"number": "甲"}, {"name": ""}, {"name": "x" * 101}, {"born": "1990-02-30"},
     {"born": "x"}, {"born": ""}],
)  # fmt: skip
def test_a_form_that_cannot_be_says_why(browser, wrong):
    given = {"number": "350602199001311000", "name": "陈甲子", "born": "1990-01-31", **wrong}
    assert describe(browser, **given).status_code == 422
    assert 'aria-invalid="true"' in browser.answer.text


def test_there_is_no_log_for_codes_in_production(services):
    class Settings:
        mode, code_sender = "production", "log"

    with pytest.raises(Exception, match="no channel"):
        senders.chosen(Settings())
