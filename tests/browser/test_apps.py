"""Apps of others are launched, get consent by clicking, and read: SMART's own two libraries.

The web site of the app is at another origin than the server, so all of it is cross-origin.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

import json
from itertools import islice

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from playwright.sync_api import expect

from server.identity import passwords
from tests.browser import people
from tests.browser.chromium import window

pytestmark = pytest.mark.browser
SECRET = "a-secret_of.more~than-256-random:bits!or-so-it-is-said"


@pytest.fixture
def resident(persons):
    return persons["residents"][0]


def consent(page, person):
    """Sign in and allow what an app asks for."""
    people.sign_in(page, person)
    page.locator("button[value=allow]").click()


def test_smarts_client_for_browsers_launches_reads_and_refreshes(page, launch, resident):
    page.goto(launch)
    consent(page, resident)
    expect(page.locator("output")).not_to_be_empty()
    outcome = json.loads(page.locator("output").text_content())
    assert "error" not in outcome, outcome
    assert outcome["refreshed"]
    assert f"Patient/{outcome['patient']}" == resident.account["person"]
    assert outcome["user"] == resident.account["person"]
    assert outcome["results"] == [f"Observation of {resident.account['person']}"] * 3


@pytest.fixture(params=[None, SECRET], ids=["public", "confidential"])
def smart(request, region, site, app):
    """SMART's client for Python, of an app without a secret, and of one with it."""
    kept = {"auth_method": "client_secret_basic", "secret": passwords.hashed(SECRET)}
    settings = {
        "app_id": app(**(kept if request.param else {})),
        "app_secret": request.param,
        "api_base": region.base,
        "redirect_uri": f"{site}/arrived.html",
        "scope": "openid fhirUser offline_access patient/*.read",
    }
    made = FHIRClient(settings=settings)
    yield made
    made.server.session.close()


def test_smarts_client_for_python_reads_and_refreshes(page, site, smart, resident):
    assert not smart.prepare(), "it has to ask for authorization"
    page.goto(smart.authorize_url)
    consent(page, resident)
    page.wait_for_url(f"{site}/arrived.html*")
    smart.handle_callback(page.url)
    assert f"Patient/{smart.patient.id}" == resident.account["person"]
    results = islice(Observation.where({}).perform_resources_iter(smart.server), 30)
    assert {one.subject.reference for one in results} == {resident.account["person"]}
    assert smart.reauthorize()
    assert next(Observation.where({}).perform_resources_iter(smart.server))


def test_who_allowed_an_app_before_is_asked_again_if_any_program_could_be_it(
    chromium, smart, resident
):
    """An app without a secret whose pages have no TLS: RFC 8252 section 8.6."""
    is_public = not smart.app_secret
    for is_asked in (True, is_public):
        with window(chromium) as page:
            page.goto(smart.authorize_url)
            people.sign_in(page, resident)
            if is_asked:
                page.locator("button[value=allow]").click()
            page.wait_for_url("**/arrived.html?*code=*")


def test_an_app_is_told_that_a_person_refused(page, launch, resident):
    page.goto(launch)
    people.sign_in(page, resident)
    page.locator("button[value=deny]").click()
    expect(page.locator("output")).to_contain_text("denied")
