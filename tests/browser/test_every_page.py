"""Every page as people see it: on a desk and in the hand, in both languages, by day and by night.

Spec: https://www.w3.org/TR/WCAG22/
"""

import pytest

from tests.browser.chromium import NARROW, WIDE, window
from tests.browser.sight import faults

pytestmark = pytest.mark.browser
FOR_ANYBODY = ["/"]
VIEWS = {
    "zh-wide": {"viewport": WIDE},
    "en-narrow": {"viewport": NARROW, "locale": "en-GB"},
    "zh-narrow-night": {"viewport": NARROW, "color_scheme": "dark"},
    "en-wide-night": {"viewport": WIDE, "locale": "en-GB", "color_scheme": "dark"},
}


@pytest.fixture(params=VIEWS)
def view(request):
    """The name of each way to look at a page."""
    return request.param


@pytest.mark.parametrize("path", FOR_ANYBODY)
def test_a_page_is_seen_whole_and_can_be_used_by_all(chromium, region, screenshot, path, view):
    with window(chromium, **VIEWS[view]) as page:
        page.goto(f"{region.root}{path}")
        screenshot(page, f"{path}-{view}")
        assert faults(page) == []
