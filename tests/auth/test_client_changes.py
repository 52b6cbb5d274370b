"""DCR-14: what becomes of a request, a code and a launch when their client changes meanwhile."""

import pytest

from server.auth import enrolment, launches, review, shelves
from server.auth.launches import Launch
from server.auth.review import Decision
from tests.auth.world import OFFICER

SCOPE = "launch/patient patient/Observation.rs patient/Condition.rs"


@pytest.fixture
def app(world):
    return world.app(redirect_uris=["https://app.test/callback", "https://app.test/other"])


@pytest.fixture
def change(services, app):
    """Return a function that changes the record of the client, and nothing else."""

    def change(**values):
        services.store.shelf(shelves.CLIENTS).change(app.id, values)

    return change


def test_what_the_client_lost_meanwhile_is_neither_offered_nor_granted(world, app, someone, change):
    visit = world.visit(app, someone)
    visit.ask(scope=SCOPE)
    assert {"results.see", "diagnoses.see"} <= visit.ticks.keys()
    change(scope="launch/patient patient/Condition.rs")
    answer = visit.redeem(visit.allow()["code"]).json()
    assert answer["scope"] == "launch/patient patient/Condition.rs"


@pytest.mark.parametrize(
    ("values", "denied"),
    [
        ({"status": "suspended"}, 403),
        ({"redirect_uris": ["https://app.test/other"]}, 403),
        ({"scope": "launch/patient"}, 303),
    ],
)
def test_a_client_with_no_right_left_gets_no_code(world, app, change, values, denied):
    visit = world.visit(app, world.resident())
    visit.ask(scope=SCOPE)
    change(**values)
    page = visit.page
    assert visit.decide("allow").status_code == 403
    visit.page = page
    assert visit.decide("deny").status_code == denied
    assert "code" not in visit.sent


def test_a_launch_is_no_good_when_the_client_may_not_be_launched_any_more(
    world, app, services, change
):
    doctor = world.staff()
    launch = launches.add(services, Launch(client=app.id, account=doctor.id))
    visit = world.visit(app, doctor)
    visit.ask(scope="launch user/Observation.rs", launch=launch)
    change(scope="user/Observation.rs")
    assert visit.decide("allow").status_code == 403


def test_requests_and_launches_end_with_the_approval(world, app, someone, services):
    doctor = world.staff()
    launch = launches.add(services, Launch(client=app.id, account=doctor.id))
    visit = world.visit(app, someone)
    visit.ask(scope=SCOPE)
    client = services.store.shelf(shelves.CLIENTS).find(app.id)
    for verdict in ("suspended", "approved"):
        review.decide(services, app.id, Decision(verdict, OFFICER, "好", client.get("revision")))
    assert visit.decide("allow").status_code == 403
    asked = world.visit(app, doctor)
    asked.ask(scope="launch user/Observation.rs", launch=launch)
    assert asked.sent["error"] == "invalid_request"


def test_codes_and_requests_end_with_the_address_they_were_for(world, app, someone, services):
    waiting, coded = world.visit(app, someone), world.code(app, someone, scope=SCOPE)
    tokens = world.tokens(app, someone, scope=SCOPE)
    waiting.ask(scope=SCOPE, prompt="consent")
    client = services.store.shelf(shelves.CLIENTS).find(app.id)
    metadata = {
        "client_name": client["name"],
        "redirect_uris": ["https://app.test/other"],
        "grant_types": client["grant_types"],
        "token_endpoint_auth_method": "none",
        "scope": client["scope"],
        "legal_name": client["legal_name"],
        "contacts": client["contacts"],
        "require_pushed_authorization_requests": False,
    }
    services.store.shelf(shelves.CLIENTS).change(app.id, {"purpose": None})
    client = services.store.shelf(shelves.CLIENTS).find(app.id)
    assert enrolment.change(services, client, metadata)["status"] == "approved"
    assert waiting.decide("allow").status_code == 403
    assert coded.redeem(coded.sent["code"]).json()["error"] == "invalid_grant"
    assert world.read("Observation", tokens["access_token"]).status_code == 200
