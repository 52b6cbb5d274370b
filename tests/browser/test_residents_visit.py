"""What residents do at their pages, in a real browser and without JavaScript."""

import pytest
from fhirclient.client import FHIRClient
from fhirclient.server import FHIRUnauthorizedException
from playwright.sync_api import expect
from requests import HTTPError

from tests.browser import people
from tests.browser.chromium import NARROW, window
from tests.browser.sight import faults

pytestmark = pytest.mark.browser


@pytest.fixture
def resident(persons):
    return persons["residents"][1]


@pytest.fixture
def home(chromium, region, services, resident):
    """A window without JavaScript that the resident is signed in at."""
    with window(chromium, java_script_enabled=False) as page:
        people.remember(page, region.root, services, resident)
        yield page


@pytest.fixture
def sight(chromium, region, services, resident):
    """A narrow window, to look at pages with."""
    with window(chromium, viewport=NARROW) as page:
        people.remember(page, region.root, services, resident)
        yield page


def test_a_resident_writes_down_a_reading(home, sight, region, screenshot):
    home.goto(f"{region.root}/me/readings")
    home.locator("main nav a").first.click()
    home.locator("#systolic").fill("118")
    home.locator("#diastolic").fill("76")
    home.locator("main form button").last.click()
    expect(home.locator("main [role=status]")).to_be_visible()
    expect(home.locator("section.own")).to_contain_text("118/76 mmHg")
    sight.goto(home.url)
    screenshot(sight, "readings-narrow")
    assert faults(sight) == []


def test_a_reading_that_cannot_be_is_pointed_out(home, sight, region, screenshot):
    for page in (home, sight):
        page.goto(f"{region.root}/me/readings")
        page.locator("main nav a").first.click()
        page.locator("#systolic").fill("1180")
        page.locator("main form button").last.click()
        expect(page.locator("#systolic-error")).to_be_visible()
        expect(page.locator("#systolic")).to_have_value("1180")
    screenshot(sight, "readings-wrong-narrow")
    assert faults(sight) == []


def test_a_resident_takes_a_copy_to_read(home, region, tmp_path, resident):
    home.goto(f"{region.root}/me/copy")
    with home.expect_download() as download:
        home.locator("main button").first.click()
    copy = tmp_path / "copy.html"
    download.value.save_as(copy)
    home.goto(f"file://{copy}")
    assert resident.account["name"] in home.locator("body").inner_text()


@pytest.fixture
def smart(region, site, app, home):
    """SMART's client for Python, which the resident has allowed to read."""
    settings = {
        "app_id": app(),
        "api_base": region.base,
        "redirect_uri": f"{site}/arrived.html",
        "scope": "openid fhirUser offline_access patient/*.read",
    }
    client = FHIRClient(settings=settings)
    client.prepare()
    home.goto(client.authorize_url)
    home.locator("button[value=allow]").click()
    home.wait_for_url(f"{site}/arrived.html*")
    client.handle_callback(home.url)
    yield client
    client.server.session.close()


@pytest.mark.parametrize("path", ["/me/apps", "/me/access"])
def test_a_resident_sees_what_an_app_may_and_did(smart, sight, region, screenshot, path):
    assert smart.patient
    sight.goto(f"{region.root}{path}")
    screenshot(sight, f"{path}-narrow-used")
    expect(sight.locator("main")).to_contain_text("血压日记")
    assert faults(sight) == []
    sight.locator(f"main a[href^='{path}/']").first.click()
    sight.wait_for_url(f"{region.root}{path}/**")
    screenshot(sight, f"{path}-narrow-one")
    assert faults(sight) == []


def test_an_app_is_shut_out_as_soon_as_a_resident_withdraws(smart, home, region):
    assert smart.patient
    home.goto(f"{region.root}/me/apps")
    home.locator("button.danger").first.click()
    expect(home.locator("main [role=status]")).to_be_visible()
    with pytest.raises(FHIRUnauthorizedException):
        smart.server.request_json(f"Patient/{smart.patient_id}")
    with pytest.raises(HTTPError, match="400"):
        smart.reauthorize()
