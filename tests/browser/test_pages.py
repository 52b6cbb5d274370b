"""Every page as people see it: on a desk and in the hand, in both languages, by day and by night.

Spec: https://www.w3.org/TR/WCAG22/
"""

import pytest

from tests.browser.chromium import NARROW, WIDE, window
from tests.browser.sight import faults

pytestmark = pytest.mark.browser
FOR_ANYBODY = ["/"]
SIZES = {"wide": WIDE, "narrow": NARROW}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", FOR_ANYBODY)
def test_a_page_is_seen_whole_and_can_be_used_by_all(
    chromium, region, screenshot, path, language, size
):
    with window(chromium, viewport=SIZES[size]) as page:
        page.goto(f"{region.root}{path}?lang={language}")
        screenshot(page, f"{path}-{language}-{size}")
        assert faults(page) == []
