"""The commands by which an operator looks after clients, tokens and keys."""

import pytest
import requests

from server.auth import shelves
from tests import nursery


@pytest.fixture
def run(guarded):
    """Return a function that runs a command of `tongkang`: (exit code, what it prints)."""

    def run(*words):
        done = nursery.ran(*words, environ=guarded.environ)
        return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()

    return run


def read(guarded, path, token):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{guarded.base}/{path}", headers=headers, timeout=20).status_code


def test_a_token_to_try_out_is_a_real_one(guarded, run):
    code, token = run("token", "--scope", "system/Patient.rs")
    assert code == 0
    assert read(guarded, "Patient", token) == 200
    assert read(guarded, "Observation", token) == 403


def test_a_token_for_a_patient_sees_that_one(guarded, run, world):
    one, other = world.resident().patient, world.resident().patient
    code, token = run("token", "--scope", "patient/*.rs", "--patient", one.partition("/")[2])
    assert code == 0
    assert read(guarded, one, token) == 200
    assert read(guarded, other, token) == 404


def test_a_token_for_a_client_is_within_what_that_may(guarded, run, register):
    system = register(
        kind="backend", auth_method="private_key_jwt", scope="system/Patient.rs",
        grant_types=["client_credentials"],
    )  # fmt: skip
    code, token = run("token", "--scope", "system/Patient.r", "--client", system)
    assert code == 0
    assert read(guarded, "Patient", token) == 403
    assert run("token", "--scope", "system/*.cruds", "--client", system)[0] == 1
    assert run("token", "--scope", "system/Patient.r", "--client", "nobody")[0] == 1
    waiting = register(kind="backend", scope="system/Patient.rs", status="pending")
    assert run("token", "--scope", "system/Patient.r", "--client", waiting)[0] == 1


@pytest.mark.parametrize(
    "scope", ["", "nonsense", "patient/*.rs", "system/*.rs user/*.rs", "system/Patient.sr"]
)
def test_no_token_comes_of_a_scope_that_gives_nothing(run, scope):
    code, said = run("token", "--scope", scope)
    assert code == 1
    assert "Traceback" not in said


def test_a_client_is_listed_approved_and_suspended(guarded, services, run, register):
    waiting = register(status="pending", name="待审应用")
    assert f"{waiting}\tpending\tapp\t待审应用" in run("clients", "list")[1]
    code, said = run("clients", "approve", waiting, "--scope", "patient/Patient.rs")
    assert code == 0, said
    kept = services.store.shelf(shelves.CLIENTS).find(waiting)
    assert (kept["status"], kept["scope"]) == ("approved", "patient/Patient.rs")
    assert kept["reviews"][-1]["by"]
    assert run("clients", "suspend", waiting)[0] == 0
    assert services.store.shelf(shelves.CLIENTS).find(waiting)["status"] == "suspended"
    assert run("clients", "approve", "nobody")[0] == 1


def test_signing_keys_are_shown_and_changed_ahead_of_time(guarded, run):
    before = run("signing-keys")[1].splitlines()
    code, said = run("signing-keys", "--rotate")
    assert code == 0
    assert len(said.splitlines()) == len(before) + 1
    published = requests.get(f"{guarded.root}/jwks", timeout=20).json()["keys"]
    assert {key["kid"] for key in published} == {line.split()[0] for line in said.splitlines()}
