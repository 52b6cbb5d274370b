"""The page for developers: each command on it is run as it stands, against a real server."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from html import unescape

import pytest
import requests

from server.access import scopes
from server.auth import clients, sandbox, shelves
from server.identity import accounts
from server.services import Interpreters, Services
from server.settings import Settings
from tests import nursery, processes
from tests.auth.visit import App
from tests.auth.world import Person, World
from tests.portal.browser import Browser
from tests.portal.reviewing import UNIT, blocks, decide, record

pytestmark = pytest.mark.usefixtures("forgiving")
RESIDENT = "demo-1-000000"
TRIED = {
    "curl-register", "curl-own", "curl-discovery", "curl-read", "curl-launch",
    "python-fhirclient", "python-requests", "python-system-1", "python-system-2",
    "python-system-3", "python-system-4", "sandbox", "accounts", "approve",
}  # fmt: skip
SHOWN = {"javascript-launch", "javascript-callback", "javascript-serve", "url"}
"""What tests/browser/test_developer_examples.py tries, and an address."""


@pytest.fixture(scope="module")
def run(guarded):
    """Return a function that runs a piece of shell where the README has one sit."""

    def run(script, **variables):
        environ = {**guarded.environ, **{name.upper(): one for name, one in variables.items()}}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=processes.ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def region(guarded, run):
    """The demo region of one resident."""
    run(f"{sys.executable} -m server.cli demo --residents 1")
    return guarded


@pytest.fixture
def page(guarded):
    """The pieces of code on the page."""
    with Browser(guarded.root) as opened:
        return blocks(opened.open("/developer").text)


@pytest.fixture(scope="module")
def someone(region, services, run):
    """The resident of the sandbox, as the page says."""
    run(f"{sys.executable} -m server.cli account demo")
    account = accounts.shelf(services).first({"person": f"Patient/{RESIDENT}"})
    return Person(account, "", account["person"])


@pytest.fixture
def paste(region, services, someone, tmp_path):
    """Return a function that runs a program, and goes where it says, as somebody who agrees."""

    def paste(program):
        world = World(services, region.root)
        command = [sys.executable, "-c", program]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        ) as running:
            url = running.stdout.readline().strip()
            sent = agreed(world, someone, url)
            out, err = running.communicate(sent + "\n", timeout=60)
        assert running.returncode == 0, err
        return out

    return paste


def agreed(world, someone, url):
    """Agree to all that the page at `url` asks for; return where the browser is sent to."""
    visit = world.visit(App(world.root, sandbox.APP, redirect_uri=sandbox.REDIRECT), someone)
    visit.follow(visit.browser.get(url, allow_redirects=False, timeout=20))
    if "code" not in visit.sent:  # else they have agreed before
        visit.allow([name for name in visit.ticks if not name.startswith("sensitive.")])
    assert "code" in visit.sent, visit.answer.text
    return visit.answer.headers.get("Location") or visit.page.links[0]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_there_for_everybody_in_both_languages(guarded, language):
    with Browser(guarded.root, language) as opened:
        answer = opened.open("/developer")
        assert answer.status_code == 200
        assert guarded.base in answer.text
        assert ("接入指南" in answer.text) == (language == "zh")
        assert "script-src" not in answer.headers["Content-Security-Policy"]


def test_every_piece_of_code_on_the_page_is_tried(page):
    assert page.keys() == TRIED | SHOWN


def test_an_app_is_registered_and_followed_with_curl(page, run, services):
    made = json.loads(run(page["curl-register"]))
    assert record(services, made["client_id"])["status"] == "pending"
    own = run(
        page["curl-own"],
        client_id=made["client_id"],
        registration_token=made["registration_access_token"],
    )
    assert json.loads(own)["tongkang_status"] == "pending"
    found = json.loads(run(page["curl-discovery"]))
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_the_fhirclient_of_the_page_reads_the_resident(page, paste):
    read = paste(page["python-fhirclient"]).splitlines()
    assert read[0] == RESIDENT
    assert len(read) > 1


def test_the_program_of_the_page_reads_the_resident_and_refreshes(page, paste):
    read = paste(page["python-requests"]).splitlines()
    assert read[0] == RESIDENT
    assert "patient/*.rs" in read[1] or "patient/Observation.rs" in read[1]


def test_a_system_is_connected_as_the_page_says(  # noqa: PLR0917  # the page is about all of these
    page, region, run, services, administrator, tmp_path, monkeypatch
):
    """All its Python in one go, with an administrator in between."""
    monkeypatch.chdir(tmp_path)
    world = {}
    program(page["python-system-1"], world)
    id = world["client_id"]
    assert json.loads((tmp_path / "emr-private-key.json").read_text())["d"]
    assert record(services, id)["status"] == "pending"
    decide(administrator, id, "approved", organization=UNIT, division="3506")
    assert program(page["python-system-2"], world).startswith("201 ")
    assert program(page["python-system-2"], world).startswith("200 ")

    token = world["token"]()
    found = json.loads(run(page["curl-read"], token=token))
    assert "V0001" in str(found)

    assert program(page["python-system-3"], world) == "approved\n"
    decide(administrator, id, "approved")
    assert program(page["python-system-4"], world) == "approved\n"
    assert world["token"]()

    run(page["accounts"])
    launch = json.loads(run(page["curl-launch"], token=world["token"]()))
    assert launch.get("iss") == region.base, launch

    token, url = world["token"](), f"{region.base}/Encounter?_count=1"
    bearer = {"Authorization": f"Bearer {token}"}
    assert requests.get(url, headers=bearer, timeout=20).status_code == 200
    decide(administrator, id, "suspended")
    assert {requests.get(url, headers=bearer, timeout=20).status_code for _ in range(6)} == {401}


def program(text, world):
    """Run Python with the names in `world`; return what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(text, world)
    return printed.getvalue()


def test_the_sandbox_is_as_the_page_says(page, region, run):
    found = json.loads(run(page["sandbox"].replace(".venv/bin/tongkang", command())))
    assert found.get("entry"), found


def command():
    return f"{sys.executable} -m server.cli"


def test_an_app_is_approved_on_the_command_line(page, run, services):
    id = json.loads(run(page["curl-register"]))["client_id"]
    run(page["approve"], client_id=id)
    assert record(services, id)["status"] == "approved"
    assert f"{id}\tapproved\tapp\t试用应用" in run(f"{command()} clients list --status approved")
    run(f"{command()} clients suspend {id} --note 停用")
    assert record(services, id)["status"] == "suspended"
    assert [one["note"] for one in record(services, id)["reviews"]] == ["tongkang clients", "停用"]


@pytest.mark.parametrize("words", ["approve nobody", "suspend nobody"])
def test_the_command_line_says_what_is_not_there(guarded, words):
    done = nursery.ran("clients", *words.split(), environ=guarded.environ)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_every_scope_on_the_page_is_one(guarded):
    with Browser(guarded.root) as opened:
        text = opened.open("/developer").text
    shown = [unescape(one) for one in re.findall(r"<tr><td><code>([^<]+)", text)]
    assert len(shown) > 8
    for scope in shown:
        assert scopes.parse(scope).malformed == ()


def test_the_sample_app_is_never_in_production(mongodb_url, guarded, region, services):
    settings = Settings(
        mongodb_url=mongodb_url, database=guarded.database, mode="production",
        base_url="https://fhir.test/fhir", secret_key_file=Settings().secret_key_file,
    )  # fmt: skip
    opened = Services.open(Interpreters.of(settings), bytes)
    try:
        services.store.shelf(shelves.CLIENTS).take(sandbox.APP)
        assert not sandbox.add_app(opened)
        assert record(services, sandbox.APP) is None
        assert sandbox.add_app(services)
        assert clients.approved(services, sandbox.APP)
        assert clients.approved(opened, sandbox.APP) is None
    finally:
        opened.close()


@pytest.mark.parametrize("path", ["/developer", "/developer/register"])
def test_an_open_server_says_that_it_asks_nobody(server, path):
    answer = requests.get(f"{server.removesuffix('/fhir')}{path}?lang=en", timeout=20)
    assert answer.status_code == 200
    assert ("runs in open mode" in answer.text) == (path == "/developer")
