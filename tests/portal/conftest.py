"""A real server that asks who is calling, and browsers for its pages."""

import secrets
from datetime import timedelta

import pyotp
import pytest
import requests

from server.auth.development import Wanted, token
from server.identity import accounts, shelves
from server.services import Interpreters, Services
from server.settings import Settings
from tests import processes
from tests.builders import ID_CARD, fresh
from tests.portal.browser import Browser
from tests.portal.people import PASSWORD, PHONE, codes, describe, lives_in, number_of, today
from tests.processes import wait_until


@pytest.fixture(scope="session")
def guarded(mongodb_url, tmp_path_factory):
    """A server with access=oauth, two processes, on a database of its own."""
    log = tmp_path_factory.mktemp("guarded") / "server.log"
    database = f"test_{secrets.token_hex(6)}"
    server = processes.Server(
        log, mongodb_url=mongodb_url, database=database, workers=2, access="oauth"
    )
    server.database = database
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()


@pytest.fixture(scope="session")
def services(guarded, mongodb_url):
    """The services on the database of that server, to set up what tests are about."""
    settings = Settings(mongodb_url=mongodb_url, database=guarded.database, access="oauth")
    opened = Services.open(Interpreters.of(settings), bytes)
    opened.registry.refresh()
    opened.registry.start(working=False)
    yield opened
    opened.close()


@pytest.fixture
def browser(guarded):
    """A browser that has not been here before."""
    with Browser(guarded.root) as opened:
        yield opened


@pytest.fixture
def forgiving(services):
    """Let no attempt of one test count for another."""
    services.store.shelf(shelves.ATTEMPTS).remove({})


@pytest.fixture(scope="session")
def put(guarded, services):
    """Return a function that stores a resource as a system does."""
    bearer = {"Authorization": f"Bearer {token(services, Wanted(scope='system/*.cruds'))}"}

    def put(resource):
        url = f"{guarded.base}/{resource['resourceType']}/{resource['id']}"
        answer = requests.put(url, json=resource, headers=bearer, timeout=20)
        assert answer.status_code in (200, 201), answer.text
        return resource

    return put


@pytest.fixture
def resident(put):
    """Return a function that stores a resident, and gives (ID number, name, born, id)."""

    def resident(born="1990-01-31", name="陈甲子", **more):
        number, id = number_of(born), fresh()
        put(
            {
                "resourceType": "Patient",
                "id": id,
                "identifier": [{"system": ID_CARD, "value": number}],
                "name": [{"text": name}],
                "birthDate": born,
                "telecom": [PHONE],
                **more,
            }
        )
        return number, name, born, id

    return resident


@pytest.fixture
def code_of(guarded):
    """Return a function that waits for the next code in the server's log."""
    seen = len(codes(guarded))

    def code_of():
        nonlocal seen
        wait_until(lambda: len(codes(guarded)) > seen)
        seen = len(codes(guarded))
        return codes(guarded)[-1]

    return code_of


@pytest.fixture
def registered(browser, resident, code_of):
    """Return a function that registers a resident and leaves the browser signed in."""

    def registered(opened=browser, **who):
        number, name, born, id = resident(**who)
        describe(opened, number, name, born)
        opened.submit("/register-account/confirm", code=code_of(), password=PASSWORD)
        assert opened.answer.status_code == 200, opened.text()
        return number, name, id

    return registered


@pytest.fixture
def child(put, resident):
    """Return a function that stores a child, with a guardian in the record if one is named."""

    def child(guardian=None, born=None, home=None, **more):
        born = born or (today() - timedelta(days=8 * 366)).isoformat()
        lives = {"address": [lives_in(home)]} if home else {}
        number, name, born, id = resident(born=born, name="陈小丙", **lives)
        if guardian:
            code = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}
            put(
                {
                    "resourceType": "RelatedPerson",
                    "id": fresh(),
                    "patient": {"reference": f"Patient/{id}"},
                    "relationship": [{"coding": [code]}],
                    "name": [{"text": guardian}],
                    **{
                        name: one
                        for name, one in ({"telecom": [PHONE]} | more).items()
                        if one != []
                    },
                }
            )
        return number, name, born, id

    return child


@pytest.fixture
def staff(services):
    """Return a function that signs a browser in as staff of a role."""

    def staff(browser, role, division="3506"):
        login = fresh()
        details = {"name": "王丁卯", "role": role, "division": division}
        account = accounts.add_staff(services, login, details)
        accounts.set_password(services, account, PASSWORD)
        secret = pyotp.random_base32()
        accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
        browser.sign_in(login, PASSWORD)
        browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
        return account

    return staff


@pytest.fixture
def administrator(guarded, staff):
    """The browser of an administrator."""
    with Browser(guarded.root) as opened:
        opened.account = staff(opened, "administrator")
        yield opened
