"""People of the demo region who have accounts, and how they sign in at a page."""

from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pyotp

from server.demo.residents import residents
from server.identity import accounts
from server.identity.sessions import Sessions

PASSWORD = "correct horse battery 9"
STAFF = {
    "administrator": "陈甲子",
    "security": "李乙丑",
    "registrar": "王丙寅",
    "clinician": "赵丁卯",
}
DIVISION = "3506"
ID_NUMBER = "urn:oid:2.16.156.10011.1.3"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in with `login`; `secret` is that of the second factor of staff."""

    login: str
    account: dict[str, Any]
    secret: str = ""


def some_residents(services, count):
    """Give the first residents of the demo region accounts; yield a Person for each."""
    for patient, *_ in residents(count, 1):
        name = patient["name"][0]["text"]
        number = identity_number(patient)
        account = accounts.add_bound(
            services, accounts.resident_login(number), name, f"Patient/{patient['id']}"
        )
        accounts.set_password(services, account, PASSWORD)
        yield Person(number, account)


def identity_number(patient):
    """Return the ID number of a resident."""
    return next(one["value"] for one in patient["identifier"] if one["system"] == ID_NUMBER)


def staff(services, role):
    """Give somebody with `role` an account of their own, with a second factor."""
    details = {"name": STAFF[role], "role": role, "division": DIVISION}
    login = f"{role}-{token_hex(4)}"
    account = accounts.add_staff(services, login, details)
    accounts.set_password(services, account, PASSWORD)
    secret = pyotp.random_base32()
    accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
    return Person(login, account, secret)


def sign_in(page, person):
    """Fill in the forms to sign in, the first of which `page` shows."""
    fill_in(page, person)
    if person.secret:
        prove(page, person)


def fill_in(page, person):
    """Fill in the login and the password."""
    page.locator("#login").fill(person.login)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button").click()


def prove(page, person):
    """Fill in the code of the second factor."""
    page.locator("#code").fill(pyotp.TOTP(person.secret).now())
    page.locator("main button").click()


def remember(page, root, services, person):
    """Have the browser of `page` be one that `person` signed in with."""
    cookie = Sessions(services).begin(person.account, ("pwd", "otp"))
    page.context.add_cookies([{"name": "tongkang-session", "value": cookie, "url": root}])
