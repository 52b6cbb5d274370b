"""What the tests in a browser share: a Chromium, and a server with OAuth and a few residents."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlencode

import pytest

from server.auth import shelves
from server.services import Interpreters, Services
from server.settings import Settings
from tests import nursery, processes
from tests.browser import chromium as browsers
from tests.browser import people
from tests.browser import site as sites

RESIDENTS = 6
WITH_ACCOUNTS = 3
DATABASE = "test_region"
SCOPE = "openid fhirUser launch/patient offline_access patient/*.rs"


@pytest.fixture(scope="session")
def chromium():
    """A real Chromium."""
    with browsers.running() as browser:
        yield browser


@pytest.fixture
def page(chromium):
    """An empty page of a window with no cookies, whose console must stay quiet."""
    with browsers.window(chromium) as opened:
        yield opened


@pytest.fixture(scope="session")
def region(mongodb_url, tmp_path_factory):
    """A server with OAuth, as it runs by default, and the demo region in its database."""
    log = tmp_path_factory.mktemp("region") / "server.log"
    server = processes.Server(
        log, mongodb_url=mongodb_url, database=DATABASE, workers=2, access="oauth"
    )
    run(server, "demo", "--residents", str(RESIDENTS))
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()


@pytest.fixture(scope="session")
def services(region, mongodb_url):
    """The services on the database of that server, to set up what tests are about."""
    settings = Settings(mongodb_url=mongodb_url, database=DATABASE)
    opened = Services.open(Interpreters.of(settings), bytes)
    opened.registry.refresh()
    opened.registry.start(working=False)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def persons(services):
    """Those who have accounts, by role; the residents are a list."""
    staff = {role: people.staff(services, role) for role in people.STAFF}
    return {"residents": list(people.some_residents(services, WITH_ACCOUNTS)), **staff}


@pytest.fixture(scope="session")
def register(services):
    """Return a function that registers a client as an administrator approves it."""

    def register(**details):
        client_id = token_hex(8)
        common = {"status": "approved", "created": datetime.now(UTC), "kind": "app"}
        services.store.shelf(shelves.CLIENTS).add(client_id, {**common, **details})
        return client_id

    return register


@pytest.fixture(scope="session")
def site():
    """The web site of an app, at another origin."""
    with sites.running() as url:
        yield url


@pytest.fixture
def app(register, site):
    """Return a function that registers an app with the addresses of `site`."""

    def app(**details):
        pages = ("callback.html", "arrived.html")
        return register(
            **{
                "name": "血压日记",
                "redirect_uris": [f"{site}/{page}" for page in pages],
                "grant_types": ["authorization_code", "refresh_token"],
                "auth_method": "none",
                "scope": SCOPE,
                "purpose": {"zh": "帮助您记录血压", "en": "Help you to keep a diary"},
                "legal_name": "漳州试用科技有限公司",
                "contacts": ["privacy@app.test"],
                **details,
            }
        )

    return app


@pytest.fixture
def launch(region, site, app):
    """The page of an app of its own that begins a launch."""
    asked = {"iss": region.base, "client_id": app(), "scope": SCOPE}
    return f"{site}/launch.html?{urlencode(asked)}"


def run(server, *words):
    """Run a command of `tongkang` beside `server`, and return what it prints."""
    done = nursery.ran(*words, environ=server.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def screenshot():
    """Save what a page looks like, for the documentation, if SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")

    def save(page, name):
        if folder:
            file = re.sub(r"[^\w-]+", "-", name).strip("-")
            page.screenshot(path=Path(folder) / f"{file}.png", full_page=True)

    return save
