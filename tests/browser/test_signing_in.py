"""People register, sign in and sign out at the pages, in a real browser and without JavaScript."""

import json

import pyotp
import pytest
from playwright.sync_api import expect

from server.demo.residents import residents
from tests.browser import people
from tests.browser.chromium import NARROW, window
from tests.browser.conftest import RESIDENTS, WITH_ACCOUNTS
from tests.browser.sight import faults

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def scripted(request):
    return request.param


@pytest.fixture
def page(chromium, scripted):
    with window(chromium, viewport=NARROW, java_script_enabled=scripted) as opened:
        yield opened


@pytest.fixture
def look(page, scripted, screenshot):
    """Return a function that looks at the page once it has `part`; axe-core needs JavaScript."""

    def look(name, part):
        page.locator(part).first.wait_for()
        if scripted:
            screenshot(page, f"{name}-narrow")
            assert faults(page) == []

    return look


def described(number):
    """Return (ID number, name, date of birth) of one who is no child and has no account."""
    others = [patient for patient, *_ in residents(RESIDENTS, 1)][WITH_ACCOUNTS:]
    patient = [one for one in others if one["birthDate"] < "2010"][number]
    return people.identity_number(patient), patient["name"][0]["text"], patient["birthDate"]


def code_sent(region):
    """Return the code that was sent last, which the server writes to its log here."""
    lines = [line for line in region.log.read_text().splitlines() if "one-time code" in line]
    return json.loads(lines[-1])["code"]


def test_a_resident_registers(page, look, region, scripted):
    number, name, born = described(int(scripted))
    page.goto(f"{region.root}/register-account")
    look("register", "#number")
    page.locator("#number").fill(number)
    page.locator("#name").fill(name)
    page.locator("#born").fill(born)
    page.locator("main button").click()
    look("register-code", "#code")
    page.locator("#code").fill(code_sent(region))
    page.locator("#password").fill("too short")
    page.locator("main button").click()
    look("register-wrong", "#password-error")
    page.locator("#code").fill(code_sent(region))
    page.locator("#password").fill(people.PASSWORD)
    page.locator("main button").click()
    page.locator("nav.rooms").wait_for()
    assert name in page.locator("header").inner_text()


def test_a_resident_signs_in_and_out(page, region, persons):
    resident = persons["residents"][0]
    page.goto(f"{region.root}/sign-in?next=/")
    people.sign_in(page, resident)
    page.wait_for_url(f"{region.root}/")
    assert resident.account["name"] in page.locator("header").inner_text()
    page.locator("nav.rooms button").click()
    page.locator("nav.rooms button").wait_for(state="detached")
    assert resident.account["name"] not in page.locator("header").inner_text()


def test_staff_sign_in_with_a_second_factor(page, look, region, services):
    clinician = people.staff(services, "clinician")
    page.goto(f"{region.root}/sign-in?next=/")
    people.fill_in(page, clinician)
    look("second-factor", "#code")
    people.prove(page, clinician)
    page.wait_for_url(f"{region.root}/")
    assert clinician.account["name"] in page.locator("header").inner_text()


@pytest.fixture
def administrator(page, region, services, persons):
    """The page of accounts, as the administrator has it open."""
    people.remember(page, region.root, services, persons["administrator"])
    page.goto(f"{region.root}/admin/accounts")


@pytest.mark.usefixtures("administrator")
def test_staff_are_invited_and_set_up_a_second_factor(page, look, scripted):
    login = f"invited-{scripted}".lower()
    for field, value in {"login": login, "name": "周戊辰", "division": "350602"}.items():
        page.locator(f"#{field}").fill(value)
    page.locator("#role").select_option("clinician")
    page.locator("form.card button").click()
    look("invitation", "main code")
    link = page.locator("main code").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    look("set-up", "#password")
    page.locator("#password").fill(people.PASSWORD)
    page.locator("main button").click()
    page.wait_for_url("**/sign-in")
    people.fill_in(page, people.Person(login, {}))
    look("second-factor-new", "main img")
    secret = page.locator("main code").inner_text()
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    page.locator("main button").click()
    expect(page.locator("main li code")).to_have_count(10)
    look("recovery-codes", "main li code")
    page.locator("a.button").click()
    assert "周戊辰" in page.locator("header").inner_text()
