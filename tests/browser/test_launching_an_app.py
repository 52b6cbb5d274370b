"""A clinician opens an app about a patient, and the app knows whom it is about.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from server.auth import shelves
from server.demo.residents import residents
from tests.browser import people
from tests.browser.sight import faults

pytestmark = pytest.mark.browser
SCOPE = "openid fhirUser launch offline_access patient/*.rs"


@pytest.fixture
def launched(services, site, app):
    """An app that says where it begins when it is launched."""
    client_id = app(name="血压看板", scope=SCOPE)
    begins = f"{site}/launch.html?{urlencode({'client_id': client_id, 'scope': SCOPE})}"
    services.store.shelf(shelves.CLIENTS).change(client_id, {"launch_uri": begins})
    return client_id


@pytest.fixture
def patient():
    """A resident of the region, which the clinician works in."""
    return next(residents(1, 1))[0]


@pytest.fixture
def clinician(page, region, services, persons):
    """The page of a clinician who is about to open an app."""
    people.remember(page, region.root, services, persons["clinician"])
    page.goto(f"{region.root}/launches")
    return page


def test_a_clinician_opens_an_app_about_a_patient(clinician, launched, patient, screenshot):
    clinician.locator("#number").fill(people.identity_number(patient).lower())
    clinician.locator("main form button").click()
    clinician.wait_for_url("**/launches?patient=*")
    expect(clinician.locator("h1")).to_contain_text(patient["name"][0]["text"])
    screenshot(clinician, "launch-wide")
    assert faults(clinician) == []
    clinician.locator("#encounter").select_option(index=1)
    clinician.locator(f"button[value='{launched}']").click()
    clinician.locator("button[value=allow]").click()
    expect(clinician.locator("output")).not_to_be_empty()
    outcome = json.loads(clinician.locator("output").text_content())
    assert "error" not in outcome, outcome
    assert outcome["patient"] == patient["id"]
    assert outcome["results"] == [f"Observation of Patient/{patient['id']}"] * 3


def test_who_is_not_to_be_seen_is_not_found(clinician):
    clinician.locator("#number").fill("350602199001019999")
    clinician.locator("main form button").click()
    expect(clinician.locator("#number-error")).to_be_visible()
