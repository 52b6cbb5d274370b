"""Every page as people see it: on a desk and in the hand, in both languages, by day and by night.

Spec: https://www.w3.org/TR/WCAG22/
"""

from datetime import UTC, datetime

import pytest

from tests.browser import people
from tests.browser.chromium import NARROW, WIDE, window
from tests.browser.sight import faults

pytestmark = pytest.mark.browser
PAGES = {
    "anybody": [
        "/",
        "/sign-in",
        "/register-account",
        "/developer",
        "/developer/register",
        "/profiles",
        "/profiles/StructureDefinition/cn-blood-pressure",
        "/profiles/StructureDefinition/cn-ethnicity",
        "/profiles/ValueSet/cn-payment",
    ],
    "resident": [
        "/me",
        "/me/visits",
        "/me/visits/demo-1-000000-v3",
        "/me/results",
        "/me/conditions",
        "/me/allergies",
        "/me/medicines",
        "/me/immunizations",
        "/me/access",
        "/me/apps",
        "/me/copy",
        "/me/readings",
        "/me/persons",
        "/me/security",
    ],
    "clinician": ["/emergency", "/launches"],
    "registrar": ["/guardians"],
    "security": ["/review", "/admin/accounts", "/admin/alarms"],
    "administrator": ["/admin/accounts", "/admin/clients"],
}
VIEWS = {
    "zh-wide": {"viewport": WIDE},
    "en-narrow-night": {"viewport": NARROW, "locale": "en-GB", "color_scheme": "dark"},
}


@pytest.fixture(params=VIEWS)
def view(request):
    """The name of each way to look at a page."""
    return request.param


@pytest.fixture
def opened(chromium, region, services, persons, view):
    """Return a function that opens a page as `role` sees it."""
    with window(chromium, **VIEWS[view]) as page:

        def open(role, path):
            if role != "anybody":
                person = persons["residents"][0] if role == "resident" else persons[role]
                people.remember(page, region.root, services, person)
            url = path if path.startswith("http") else f"{region.root}{path}"
            page.goto(url)
            return page

        yield open


@pytest.fixture
def looked_at(opened, region, screenshot, view):
    """Return a function that looks at the page at `path`; nothing may be wrong with it."""

    def look(role, path):
        page = opened(role, path)
        screenshot(page, f"{path}-{view}")
        assert page.url == f"{region.root}{path}"
        assert faults(page) == []

    return look


@pytest.mark.parametrize(
    ("role", "path"), [(role, path) for role, paths in PAGES.items() for path in paths]
)
def test_a_page_is_seen_whole_and_can_be_used_by_all(looked_at, role, path):
    looked_at(role, path)


def test_what_an_app_asks_for_is_seen_whole(opened, launch, screenshot, view):
    page = opened("resident", launch)
    page.locator("button[value=allow]").wait_for()
    screenshot(page, f"consent-{view}")
    assert faults(page) == []


def test_what_an_administrator_decides_of_an_app_is_seen_whole(looked_at, app):
    looked_at("administrator", f"/admin/clients/{app()}")


def test_what_an_app_has_changed_is_seen_whole(looked_at, app):
    said = {"name": "血压日记", "kind": "app", "auth_method": "none", "scope": "patient/*.rs"}
    moved = {
        **said,
        "redirect_uris": ["https://a-name-that-is-rather-long.example/" + "callback" * 9],
    }
    details = {"status": "pending", "seen": said, "said": moved, "auth_method": "none"}
    entry = {"by": "陈甲子", "at": datetime.now(UTC), "verdict": "approved", "note": "材料齐全"}
    looked_at("administrator", f"/admin/clients/{app(**details, reviews=[entry])}")
