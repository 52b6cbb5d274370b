"""R5.3: `tongkang account` makes the first administrator, and accounts to try out."""

import os
import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from server.access.policy import OPEN
from server.context import Context
from server.demo.residents import residents
from server.door import perform
from server.fhir import json
from server.identity import accounts, invitations, totp
from server.identity.demo import RESIDENT, demo_accounts
from server.interactions.call import Call
from tests import nursery
from tests.builders import fresh
from tests.identity.conftest import PASSWORD

FIRST = ("--role", "administrator", "--name", "陈甲子", "--division", "3506")


@pytest.fixture
def tongkang(services):
    """Return a function that runs `tongkang account` with arguments."""
    settings = services.interpreters.settings
    ours = {key: value for key, value in os.environ.items() if not key.startswith("TONGKANG_")}
    known = {"TONGKANG_MONGODB_URL": settings.mongodb_url, "TONGKANG_DATABASE": settings.database}

    def tongkang(*arguments, **more):
        return nursery.ran("account", *arguments, environ={**ours, **known, **more})

    return tongkang


def test_it_prints_a_link_and_no_password(tongkang, services):
    login = fresh().replace("t-", "s")
    ran = tongkang("create", "--login", login, *FIRST)
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/set-up/[\w-]{43}", ran.stdout.strip())
    account = accounts.shelf(services).first({"login": accounts.staff_login(login)})
    assert (account["role"], account["opened_by"]) == ("administrator", "command line")
    assert "password" not in account
    secret = ran.stdout.strip().rpartition("/")[2]
    assert invitations.accept(services, secret, PASSWORD)["id"] == account["id"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("--role", "resident"), ("--role", "emperor"), ("--division", "x"), ("--login", "甲"),
     ("--name", ""), ("--organization", "Patient/x"), ("--person", "x")],
)  # fmt: skip
def test_what_cannot_be_is_refused(tongkang, option, value):
    ran = tongkang("create", "--login", fresh(), *FIRST, option, value)
    assert ran.returncode == 2
    assert option in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_login_that_is_there_is_refused(tongkang):
    login = fresh().replace("t-", "s")
    tongkang("create", "--login", login, *FIRST)
    ran = tongkang("create", "--login", login, *FIRST)
    assert ran.returncode != 0
    assert "set-up" not in ran.stdout
    assert "Traceback" not in ran.stderr


def test_without_the_demo_region_there_is_nobody_to_try_out(tongkang):
    ran = tongkang("demo", TONGKANG_DATABASE=f"test_{fresh()[2:14]}", TONGKANG_LANGUAGE="en")
    assert ran.returncode != 0
    assert "demo region is not loaded" in ran.stderr + ran.stdout


@pytest.fixture
def region(services):
    """The resident of the demo region whose account can be tried out, in the database."""
    patient = next(iter(residents(1, 1)))[0]
    patient.pop("generalPractitioner", None)
    patient.pop("managingOrganization", None)
    call = Call(interaction="update", type="Patient", id=patient["id"], body=json.dumps(patient))
    perform(Context.of(services, OPEN, "zh"), call)
    return patient


def test_accounts_to_try_out_sign_in_as_told(region, services):
    assert f"Patient/{region['id']}" == RESIDENT
    made = {one.role: one for one in demo_accounts(services)}
    assert set(made) == {
        "resident", "clinician", "registrar", "administrator", "security", "auditor",
    }  # fmt: skip
    for role, one in made.items():
        is_resident = role == "resident"
        name = accounts.resident_login if is_resident else accounts.staff_login
        account = accounts.authenticated(services, name(one.login), one.password)
        assert account["demo"]
        if not is_resident:
            assert totp.is_right(services, account, pyotp.TOTP(one.secret).now())


def test_made_again_they_have_new_passwords_and_the_old_ones_do_not_work(region, services):
    first, second = ({one.role: one for one in demo_accounts(services)} for _ in range(2))
    login = accounts.staff_login("demo-clinician")
    assert accounts.authenticated(services, login, first["clinician"].password) is None
    assert accounts.authenticated(services, login, second["clinician"].password)


def test_the_command_prints_how_to_sign_in(region, tongkang):
    ran = tongkang("demo", TONGKANG_LANGUAGE="en")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.strip().splitlines()
    assert "shown this once" in lines[0]
    assert len(lines) == 7
    assert "authenticator secret" in lines[-1]


def test_after_loading_they_are_told_only_if_nobody_has_asked_for_them(region, services, tongkang):
    accounts.shelf(services).remove({"login": accounts.staff_login("demo-auditor")})
    first = tongkang("demo", "--unless-told")
    assert len(first.stdout.strip().splitlines()) == 7, first.stderr
    assert tongkang("demo", "--unless-told").stdout == ""
    assert len(tongkang("demo").stdout.strip().splitlines()) == 7


def test_who_has_no_authenticator_gets_the_code_from_the_command(region, services, tongkang):
    (made,) = [one for one in demo_accounts(services) if one.role == "auditor"]
    ran = tongkang("code", "demo-auditor")
    steps = (datetime.now(UTC) + timedelta(seconds=30 * step) for step in (-1, 0))
    assert ran.stdout.strip() in [pyotp.TOTP(made.secret).at(step) for step in steps]


def test_of_other_accounts_it_tells_no_code(services, member, tongkang):
    account = member()
    accounts.shelf(services).change(account["id"], {"totp": pyotp.random_base32()})
    for login in (account["shown"], "nobody"):
        ran = tongkang("code", login, TONGKANG_LANGUAGE="en")
        assert ran.returncode != 0
        assert ran.stdout == ""
