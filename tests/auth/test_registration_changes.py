"""DCR-13, DCR-14: https://www.rfc-editor.org/rfc/rfc7591, https://www.rfc-editor.org/rfc/rfc7592"""

import pytest
import requests
from joserfc.jwk import ECKey

from server.auth import review, shelves
from server.auth.review import Decision
from server.fhir.outcome import Conflict
from tests.auth.registering import APP, system
from tests.auth.visit import App
from tests.auth.world import OFFICER

pytestmark = pytest.mark.usefixtures("forgiving")


def test_dcr_13_a_client_reads_changes_and_removes_itself(url, services):
    said = requests.post(url, json=APP, timeout=20).json()
    own = said["registration_client_uri"]
    bearer = {"Authorization": f"Bearer {said['registration_access_token']}"}
    assert requests.get(own, headers=bearer, timeout=20).json()["client_name"] == "试用应用"
    assert requests.get(own, timeout=20).status_code == 401
    wrong = {"Authorization": "Bearer x"}
    assert requests.get(own, headers=wrong, timeout=20).status_code == 401
    changed = {**APP, "client_id": said["client_id"], "contacts": ["a@app.test"]}
    answer = requests.put(own, json=changed, headers=bearer, timeout=20)
    assert answer.json()["contacts"] == ["a@app.test"]
    other = {**changed, "client_id": "other"}
    assert requests.put(own, json=other, headers=bearer, timeout=20).status_code == 400
    assert requests.delete(own, headers=bearer, timeout=20).status_code == 204
    assert requests.get(own, headers=bearer, timeout=20).status_code == 401
    assert services.store.shelf(shelves.CLIENTS).find(said["client_id"]) is None


def test_dcr_14_what_matters_is_looked_at_again(url, services):
    said = requests.post(url, json=APP, timeout=20).json()
    clients = services.store.shelf(shelves.CLIENTS)
    clients.change(said["client_id"], {"status": "approved"})
    bearer = {"Authorization": f"Bearer {said['registration_access_token']}"}
    same = {**APP, "client_id": said["client_id"]}
    requests.put(said["registration_client_uri"], json=same, headers=bearer, timeout=20)
    assert clients.find(said["client_id"])["status"] == "approved"
    moved = {**same, "redirect_uris": ["https://other.test/cb"]}
    requests.put(said["registration_client_uri"], json=moved, headers=bearer, timeout=20)
    assert clients.find(said["client_id"])["status"] == "pending"


def test_dcr_13_what_is_not_said_any_more_is_gone(own, services):
    send, id = own({**APP, "policy_uri": "https://app.test/privacy", "contacts": ["a@app.test"]})
    assert send("PUT", APP).json().get("policy_uri") is None
    kept = services.store.shelf(shelves.CLIENTS).find(id)
    assert kept["policy_uri"] is None
    assert kept["contacts"] == []


@pytest.mark.parametrize(
    "change",
    [{"client_name": "别的应用"}, {"redirect_uris": ["https://other.test/"]},
     {"scope": "patient/*.cruds"}, {"legal_name": "别的公司"}, {"purpose": "别的用途"},
     {"launch_uri": "https://other.test/"}],
)  # fmt: skip
def test_dcr_14_whatever_a_person_agrees_to_is_looked_at_again(own, services, change):
    send, id = own(APP)
    assert send("PUT", {**APP, **change}).json()["tongkang_status"] == "pending"
    assert services.store.shelf(shelves.CLIENTS).find(id)["status"] == "pending"


def test_dcr_14_a_suspended_client_does_not_lift_that_itself(own, services):
    send, id = own(APP)
    services.store.shelf(shelves.CLIENTS).change(id, {"status": "suspended"})
    send("PUT", {**APP, "client_name": "别的应用"})
    assert services.store.shelf(shelves.CLIENTS).find(id)["status"] == "suspended"


def test_dcr_13_14_codes_and_tokens_end_with_what_they_were_for(own, services, world):
    asked = {**APP, "grant_types": ["authorization_code"], "scope": "launch/patient patient/*.rs"}
    for method, body in (
        ("PUT", {**asked, "redirect_uris": ["https://x.test/"]}),
        ("DELETE", None),
    ):
        send, id = own(asked)
        app = App(world.root, id)
        someone = world.resident()
        answer = world.tokens(app, someone, scope="launch/patient patient/*.rs")
        assert world.read(someone.patient, answer["access_token"]).status_code == 200
        visit = world.code(app, someone, scope="launch/patient patient/*.rs")
        assert send(method, body).status_code in (200, 204)
        assert world.read(someone.patient, answer["access_token"]).status_code == 401
        services.store.shelf(shelves.CLIENTS).change(id, {"status": "approved"})
        refused = visit.redeem(visit.sent["code"])
        assert refused.status_code in (400, 401)
        assert "access_token" not in refused.json()
    assert services.store.shelf(shelves.GRANTS).first({"client": id})["status"] == "revoked"


def test_keys_are_changed_without_a_break(own, services, sign, ask):
    """A new key waits for review beside the old one, which goes on; one taken away is gone."""
    old, new = (ECKey.generate_key("P-384", {"kid": kid}) for kid in ("old", "new"))

    def asked(*keys):
        return system(jwks={"keys": [key.as_dict(private=False) for key in keys]})

    send, id = own(asked(old))
    assert ask(sign(id, key=old)).status_code == 200
    said = send("PUT", asked(old, new)).json()
    assert said["tongkang_status"] == "approved"
    assert len(said["jwks"]["keys"]) == 2
    assert ask(sign(id, key=old)).status_code == 200
    assert ask(sign(id, key=new)).status_code in (400, 401)
    approve(services, id)
    assert ask(sign(id, key=old)).status_code == 200
    assert ask(sign(id, key=new)).status_code == 200
    assert send("PUT", asked(new)).json()["tongkang_status"] == "approved"
    assert ask(sign(id, key=old)).status_code in (400, 401)
    assert ask(sign(id, key=new)).status_code == 200


def test_a_key_that_waits_does_not_count_by_being_said_again(own, services, sign, ask):
    old, new, third = (ECKey.generate_key("P-384", {"kid": kid}) for kid in ("old", "new", "3"))

    def asked(*keys):
        return system(jwks={"keys": [key.as_dict(private=False) for key in keys]})

    send, id = own(asked(old, third))
    for keys in ((old, new), (old, new), (old, new, third), (new, old)):
        said = send("PUT", asked(*keys)).json()
        assert said["tongkang_waiting"] == ["jwks"]
        assert services.store.shelf(shelves.CLIENTS).find(id)["is_waiting"]
        assert ask(sign(id, key=old)).status_code == 200
        assert ask(sign(id, key=new)).status_code in (400, 401)
    # What was taken away was gone at once, and waits like any other when it comes back.
    assert ask(sign(id, key=third)).status_code in (400, 401)
    assert "tongkang_waiting" not in send("PUT", asked(old)).json()


def approve(services, id):
    clients = services.store.shelf(shelves.CLIENTS)
    seen = clients.find(id)
    review.decide(services, id, Decision("approved", OFFICER, "好", seen["revision"]))


def test_what_was_changed_meanwhile_is_not_approved(own, services):
    send, id = own(APP)
    clients = services.store.shelf(shelves.CLIENTS)
    clients.change(id, {"status": "pending"})
    seen = clients.find(id)
    send("PUT", {**APP, "redirect_uris": ["https://evil.test/"]})
    with pytest.raises(Conflict):
        review.decide(services, id, Decision("approved", OFFICER, "好", seen["revision"]))
    assert clients.find(id)["status"] == "pending"


def test_rights_that_become_fewer_end_the_tokens_that_have_more(own, services, world):
    send, id = own({**APP, "scope": "launch/patient patient/*.rs"})
    someone, app = world.resident(), App(world.root, id)
    answer = world.tokens(app, someone, scope="launch/patient patient/*.rs")
    seen = services.store.shelf(shelves.CLIENTS).find(id)
    less = {"scope": "launch/patient patient/Observation.rs"}
    review.decide(services, id, Decision("approved", OFFICER, "好", seen["revision"], less))
    assert world.read(someone.patient, answer["access_token"]).status_code == 401
    assert send("GET").json()["scope"] == less["scope"]
