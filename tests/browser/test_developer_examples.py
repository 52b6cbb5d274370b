"""The two pages that developers are shown are an app: copied as they stand, they launch and read.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect

from server.auth import sandbox
from tests.browser import people
from tests.browser.chromium import MODULES
from tests.portal.browser import Browser
from tests.portal.reviewing import blocks

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(tmp_path):
    """Serve a folder with the libraries that npm installs; yield its path and URL."""
    (tmp_path / "node_modules").symlink_to(MODULES)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_pages_for_developers_launch_and_read(page, region, register, persons, folder):
    path, url = folder
    app = register(
        name="示例",
        redirect_uris=[f"{url}/callback.html"],
        grant_types=["authorization_code", "refresh_token"],
        auth_method="none",
        scope=sandbox.SCOPE,
    )
    with Browser(region.root) as opened:
        code = blocks(opened.open("/developer").text)
    for name in ("launch", "callback"):
        text = code[f"javascript-{name}"].replace(sandbox.APP, app)
        (path / f"{name}.html").write_text(text, "utf-8")
    resident = persons["residents"][0]
    page.goto(f"{url}/launch.html")
    people.sign_in(page, resident)
    page.locator("button[value=allow]").click()
    own = resident.account["person"].partition("/")[2]
    expect(page.locator("output")).to_have_text(f"{own}: 5")
