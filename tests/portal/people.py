"""People of the tests of pages: what is written of them, and the forms that they fill in."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from server.identity import accounts, people

PASSWORD = "correct horse battery 9"
PHONE = {"system": "phone", "value": "10000000000", "use": "mobile"}
_CODED = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"
_used = iter(range(1000, 9999))


def today():
    """Return the day that it is in the region."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def lives_in(division):
    """Return the address of somebody who lives in a division."""
    coded = {"url": _CODED, "valueCoding": {"code": division}}
    return {"use": "home", "district": "芗城区", "_district": {"extension": [coded]}}


def number_of(born):
    """Return an ID number that nobody else has, of somebody born then."""
    return f"350602{born.replace('-', '')}{next(_used)}"


def codes(guarded):
    """Return the one-time codes in the log of a server."""
    lines = [line for line in guarded.log.read_text().splitlines() if "one-time code" in line]
    return [json.loads(line)["code"] for line in lines]


def describe(browser, number, name, born):
    """Say who one is, to register; return the answer."""
    browser.open("/register-account")
    return browser.submit("/register-account", number=number, name=name, born=born)


def ask_for(browser, number, name, born):
    """Ask to be the guardian of a child; return the answer."""
    browser.open("/me/persons")
    return browser.submit("/me/persons/child", number=number, name=name, born=born)


def persons(services, number):
    """Return whom the resident with this ID number may act for."""
    account = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    return people.persons(services, account)
