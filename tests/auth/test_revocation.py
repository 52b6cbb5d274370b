"""REV-01 to REV-08: https://www.rfc-editor.org/rfc/rfc7009"""

import pytest
import requests

from server.auth import consents, shelves
from tests.auth.conftest import SECRET, introspect, read
from tests.auth.world import OFFICER
from tests.builders import fresh
from tests.processes import wait_until


def test_rev_01_a_token_that_is_given_back_is_dead_at_once(guarded, asker, token, sign, backend):
    bearer = {"Authorization": f"Bearer {token}"}
    assert read(guarded, **bearer).status_code == 200
    form = {
        "token": token,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign(backend),
    }
    assert requests.post(f"{guarded.root}/revoke", data=form, timeout=20).status_code == 200
    assert {read(guarded, **bearer).status_code for _ in range(8)} == {401}
    assert introspect(guarded, token, asker).json() == {"active": False}


def test_rev_02_03_04_only_the_owner_revokes(guarded, token, confidential, asker):
    revoke = f"{guarded.root}/revoke"
    owner = (confidential, SECRET)
    assert requests.post(revoke, data={"token": fresh()}, auth=owner, timeout=20).status_code == 200
    refused = requests.post(revoke, data={"token": token}, auth=owner, timeout=20)
    assert refused.status_code == 400
    assert requests.post(revoke, data={"token": token}, timeout=20).status_code in (400, 401)
    assert introspect(guarded, token, asker).json()["active"] is True


def revoke(app, token, **form):
    return app.post("/revoke", token=token, **form)


def test_rev_05_with_a_refresh_token_its_access_tokens_end(world, granted):
    app, answer = granted
    assert world.read(f"Patient/{answer['patient']}", answer["access_token"]).status_code == 200
    assert revoke(app, answer["refresh_token"]).status_code == 200
    assert world.read(f"Patient/{answer['patient']}", answer["access_token"]).status_code == 401
    assert app.refresh(answer["refresh_token"]).status_code == 400


def test_rev_01_an_access_token_ends_by_itself(world, granted):
    app, answer = granted
    assert revoke(app, answer["access_token"]).status_code == 200
    assert world.read(f"Patient/{answer['patient']}", answer["access_token"]).status_code == 401
    assert app.refresh(answer["refresh_token"]).status_code == 200


@pytest.mark.parametrize("hint", ["refresh_token", "urn:x", "居民", ""])
def test_rev_06_a_hint_that_is_wrong_or_unknown_changes_nothing(world, granted, hint):
    app, answer = granted
    assert revoke(app, answer["access_token"], token_type_hint=hint).status_code == 200
    assert world.read(f"Patient/{answer['patient']}", answer["access_token"]).status_code == 401


def test_rev_03_another_public_app_ends_nothing(world, granted):
    _, answer = granted
    other = world.app()
    assert revoke(other, answer["access_token"]).status_code == 400
    assert world.read(f"Patient/{answer['patient']}", answer["access_token"]).status_code == 200


def test_rev_07_a_page_of_a_registered_app_may_revoke(guarded, world):
    world.app(redirect_uris=["https://revoking.test/callback"])
    url, origin = f"{guarded.root}/revoke", {"Origin": "https://revoking.test"}
    wait_until(
        lambda: (
            requests.options(url, headers=origin, timeout=20).headers.get(
                "Access-Control-Allow-Origin"
            )
            == "https://revoking.test"
        ),
        5,
    )


def test_rev_08_what_a_resident_withdraws_is_over_everywhere_at_once(world, granted):
    app, answer = granted
    patient = f"Patient/{answer['patient']}"
    assert {world.read(patient, answer["access_token"]).status_code for _ in range(8)} == {200}
    grant = world.services.store.shelf(shelves.GRANTS).first({"client": app.id})
    consents.withdraw(world.services, grant["id"], OFFICER)
    assert {world.read(patient, answer["access_token"]).status_code for _ in range(8)} == {401}
    assert app.refresh(answer["refresh_token"]).status_code == 400


def test_rev_02_a_token_has_to_be_there(granted):
    app, _ = granted
    assert app.post("/revoke").status_code == 400
