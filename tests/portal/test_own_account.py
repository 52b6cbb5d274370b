"""People change their own account: R5.1."""

import pytest

from tests.portal.browser import Browser
from tests.portal.people import PASSWORD

pytestmark = pytest.mark.usefixtures("forgiving")


def test_a_password_is_changed_and_others_are_signed_out(guarded, browser, registered):
    number, *_ = registered()
    with Browser(guarded.root) as other:
        other.sign_in(number, PASSWORD)
        browser.open("/me/security")
        before = browser.session.cookies["tongkang-session"]
        browser.submit("/me/security/password", old="wrong", new="another horse 77")
        assert browser.answer.status_code == 422
        browser.submit("/me/security/password", old=PASSWORD, new="another horse 77")
        assert browser.answer.status_code == 200
        other.open("/me/security")
        assert other.answer.url.split("?")[0].endswith("/sign-in")
        assert other.sign_in(number, PASSWORD).status_code == 401
    assert browser.session.cookies["tongkang-session"] != before


@pytest.mark.parametrize(
    "path", ["/me/persons/child", "/me/persons/proxy", "/me/security/password", "/admin/accounts"]
)
def test_forged_forms_do_nothing(browser, registered, path):
    registered()
    assert browser.post(path, {"csrf": "forged"}).status_code == 403
