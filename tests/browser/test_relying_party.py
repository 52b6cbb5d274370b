"""A certified relying party of OpenID Connect signs people in: openid-client, in Node.js.

Spec: https://openid.net/specs/openid-connect-core-1_0.html
"""

import json
import subprocess

import pytest

from server.identity import passwords
from tests.browser import people
from tests.browser.chromium import MODULES, NODE
from tests.browser.conftest import SCOPE

pytestmark = pytest.mark.browser
SECRET = "a-secret_of.more~than-256-random:bits!or-so-it-is-said"


@pytest.fixture
def resident(persons):
    return persons["residents"][0]


def test_openid_client_signs_a_person_in(page, region, site, app, resident):
    client = app(
        auth_method="client_secret_basic", secret=passwords.hashed(SECRET), may_introspect=True
    )
    told = {
        "issuer": region.root,
        "id": client,
        "secret": SECRET,
        "redirect": f"{site}/arrived.html",
        "scope": SCOPE,
    }
    with subprocess.Popen(
        [NODE, MODULES.parent / "openid.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as party:
        print(json.dumps(told), file=party.stdin, flush=True)
        page.goto(party.stdout.readline().strip())
        people.sign_in(page, resident)
        page.locator("button[value=allow]").click()
        page.wait_for_url(f"{site}/arrived.html*")
        outcome, complaints = party.communicate(page.url + "\n", timeout=30)
    assert party.returncode == 0, complaints
    outcome = json.loads(outcome)
    assert outcome["issuer"] == region.root
    assert outcome["fhirUser"] == f"{region.base}/{resident.account['person']}"
    assert outcome["refreshed"]
    assert (outcome["alive"], outcome["dead"]) == (True, False)
