"""DSC-17, P25: what a server in production refuses, behind a proxy that ends TLS."""

import pytest
import requests

from server.auth.development import Wanted
from server.auth.development import token as development_token
from server.auth.endpoints import SMART
from server.settings import Settings
from tests import nursery, processes
from tests.auth.conftest import ASSERTION


@pytest.fixture(scope="module")
def productive(guarded, mongodb_url, tmp_path_factory):
    """A server in production, behind a proxy of this machine that ends TLS."""
    log = tmp_path_factory.mktemp("productive") / "server.log"
    server = processes.Server(
        log, mongodb_url=mongodb_url, database=guarded.database, workers=1, access="oauth",
        mode="production", base_url="https://fhir.test/fhir",
        code_sender="nowhere", secret_key_file=Settings().secret_key_file,
    )  # fmt: skip
    server.start()
    yield server.ready()
    server.end()


SECURE = {"X-Forwarded-Proto": "https", "Host": "fhir.test"}


@pytest.mark.parametrize(
    "path", ["/", "/fhir/metadata", "/fhir/Patient", "/token", "/sign-in", SMART]
)
def test_dsc_17_in_the_clear_everything_is_refused(productive, path):
    headers = {"Authorization": "Bearer x"}
    for method in ("GET", "POST"):
        answer = requests.request(
            method, productive.root + path, headers=headers, allow_redirects=False, timeout=20
        )
        assert answer.status_code == 403
        assert "Location" not in answer.headers
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_in_the_clear_it_is_refused_in_the_format_that_is_asked_for(productive):
    headers = {"Accept": "application/fhir+xml"}
    answer = requests.get(f"{productive.root}/fhir/metadata", headers=headers, timeout=20)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].split(";")[0] == "application/fhir+xml"
    assert "<OperationOutcome " in answer.text


@pytest.mark.parametrize("path", ["/fhir/metadata", "/sign-in", SMART, "/jwks"])
def test_dsc_17_over_tls_a_browser_is_told_to_stay_there(productive, path):
    answer = requests.get(productive.root + path, headers=SECURE, timeout=20)
    assert answer.status_code == 200
    assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_dsc_17_the_machine_may_ask_whether_all_is_well(productive):
    assert requests.get(f"{productive.root}/readyz", timeout=20).status_code == 200


def test_p25_a_system_gets_its_token_behind_a_proxy(productive, ask, sign, backend):
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": ASSERTION,
        "client_assertion": sign(backend, aud="https://fhir.test/token"),
    }
    answer = requests.post(f"{productive.root}/token", data=form, headers=SECURE, timeout=20)
    assert answer.status_code == 200, answer.text
    bearer = {**SECURE, "Authorization": f"Bearer {answer.json()['access_token']}"}
    url = f"{productive.root}/fhir/Patient"
    assert requests.get(url, headers=bearer, timeout=20).status_code == 200


def test_there_are_no_development_tokens_in_production(productive):
    done = nursery.ran("token", environ=productive.environ)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "令牌" in done.stderr


def test_a_development_token_is_none_in_production_wherever_it_was_made(
    guarded, productive, services, backend
):
    wanted = Wanted(scope="system/Patient.rs", client=backend)
    for token in (development_token(services, wanted), development_token(services, PLAIN)):
        bearer = {"Authorization": f"Bearer {token}"}
        here = requests.get(f"{guarded.base}/Patient", headers=bearer, timeout=20)
        assert here.status_code == 200
        there = requests.get(
            f"{productive.root}/fhir/Patient", headers={**SECURE, **bearer}, timeout=20
        )
        assert there.status_code == 401


PLAIN = Wanted(scope="system/Patient.rs")
