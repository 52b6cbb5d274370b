"""People sign in and out at the pages, in a real browser and without JavaScript."""

import pytest

from tests.browser import people
from tests.browser.chromium import window

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(chromium, request):
    with window(chromium, java_script_enabled=request.param) as opened:
        yield opened


def test_a_resident_signs_in_and_out(page, region, persons):
    resident = persons["residents"][0]
    page.goto(f"{region.root}/sign-in?next=/")
    people.sign_in(page, resident)
    page.wait_for_url(f"{region.root}/")
    assert resident.account["name"] in page.locator("header").inner_text()
    page.locator("nav.rooms button").click()
    page.wait_for_load_state()
    assert resident.account["name"] not in page.locator("header").inner_text()


def test_staff_sign_in_with_a_second_factor(page, region, services):
    clinician = people.staff(services, "clinician")
    page.goto(f"{region.root}/sign-in?next=/")
    people.sign_in(page, clinician)
    page.wait_for_url(f"{region.root}/")
    assert clinician.account["name"] in page.locator("header").inner_text()
