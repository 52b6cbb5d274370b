"""A job is its caller's alone, has their rights as they are, and the trail tells all of it."""

import base64

import orjson
import pytest

from server.auth import grants, shelves
from server.auth.development import Wanted, token
from server.store.shelf import digest
from tests.builders import fresh, observation, patient
from tests.jobs.asking import Caller, batch_of, message
from tests.portal.people import lives_in
from tests.processes import wait_until

MANY = 1900
"""More than are stored in the second that it takes until it is noticed that rights have ended."""
SCOPE = "openid fhirUser launch/patient offline_access patient/*.cruds"

pytestmark = pytest.mark.usefixtures("doer")


class Mine:
    """A resident, an app, and what the resident let the app have."""

    def __init__(self, world, guarded):
        self.world, self.guarded = world, guarded
        self.app, self.person = world.app(), world.resident()
        self.given = self.tokens()
        world.store(observation(subject={"reference": self.person.patient}))

    def tokens(self, app=None, person=None):
        return self.world.tokens(app or self.app, person or self.person, scope=SCOPE)

    def caller(self, tokens=None):
        return Caller(self.guarded.base, (tokens or self.given)["access_token"])


@pytest.fixture
def mine(world, guarded):
    return Mine(world, guarded)


@pytest.fixture
def system(services, guarded):
    """Return a function that makes a caller who is a system."""

    def system(scope="system/*.cruds", **wanted):
        return Caller(guarded.base, token(services, Wanted(scope=scope, **wanted)))

    return system


def grant_of(services, caller):
    return services.store.shelf(shelves.TOKENS).find(digest(caller.token))["grant"]


def test_who_started_it_gets_what_is_theirs(mine):
    answer = mine.caller().wait(mine.caller().leave("GET", "Observation"))
    assert answer.status_code == 200
    (entry,) = answer.json()["entry"]
    assert entry["resource"]["subject"]["reference"] == mine.person.patient


def test_another_token_of_the_same_person_and_app_will_do(mine):
    url = mine.caller().leave("GET", "Observation")
    refreshed = mine.app.refresh(mine.given["refresh_token"]).json()
    assert mine.caller(refreshed).wait(url).status_code == 200


def test_a_token_of_the_same_system_for_less_gets_nothing_by_it(system):
    wide = system("system/*.cruds")
    url = wide.leave("GET", "Observation")
    narrow = system("system/Patient.rs")
    for method in ("GET", "DELETE"):
        assert narrow.send(method, url).status_code == 404
    assert wide.wait(url).status_code == 200


def test_nobody_else_learns_that_it_is_there(mine, world, system, guarded):
    url = mine.caller().leave("GET", "Observation")
    strangers = [
        mine.caller(mine.tokens(app=world.app())),
        mine.caller(mine.tokens(person=world.resident())),
        system(),
        system("user/*.cruds", role="administrator", division="35"),
    ]
    for method in ("GET", "DELETE"):
        for stranger in strangers:
            answer = stranger.send(method, url)
            unknown = stranger.send(method, f"_jobs/{'0' * 32}")
            assert answer.status_code == unknown.status_code == 404
            assert answer.json() == unknown.json()
        assert Caller(guarded.base).send(method, url).status_code == 401
    assert mine.caller().wait(url).status_code == 200


def test_what_is_forbidden_is_refused_at_once(system):
    narrow = system("system/Patient.rs")
    for url in ("Observation", "Encounter/any/$everything"):
        answer = narrow.send("GET", url, Prefer="respond-async")
        assert answer.status_code == 403


def test_a_withdrawal_stops_what_has_not_begun(mine, services, paused):
    with paused():
        url = mine.caller().leave("GET", "Observation")
        grants.end(services, grant_of(services, mine.caller()))
        assert mine.caller().status(url).status_code == 401
    again = mine.caller(mine.tokens())
    answer = again.wait(url)
    assert (answer.status_code, message(answer)) == (403, "job-rights-ended")


def test_a_token_that_is_revoked_takes_its_jobs_along(mine, paused):
    with paused():
        url = mine.caller().leave("GET", "Observation")
        refreshed = mine.app.refresh(mine.given["refresh_token"]).json()
        assert mine.app.post("/revoke", token=mine.given["access_token"]).status_code == 200
    answer = mine.caller(refreshed).wait(url)
    assert (answer.status_code, message(answer)) == (403, "job-rights-ended")


def test_a_token_that_only_expires_does_not(mine, services, paused):
    with paused():
        url = mine.caller().leave("GET", "Observation")
        refreshed = mine.app.refresh(mine.given["refresh_token"]).json()
        services.store.shelf(shelves.TOKENS).take(digest(mine.given["access_token"]))
    assert mine.caller(refreshed).wait(url).status_code == 200


def test_a_withdrawal_in_the_middle_stops_it(system, services):
    kind, first = f"urn:test:{fresh()}", system()
    url = first.leave("POST", "", batch_of(MANY, system=kind))
    first.begun(url, 60)
    grants.end(services, grant_of(services, first))
    answer = system().wait(url)
    assert (answer.status_code, message(answer)) == (403, "job-rights-ended")
    found = system().send("GET", f"Patient?identifier={kind}|&_summary=count&_total=accurate")
    stored = found.json()["total"]
    assert 0 < stored < MANY
    shown = [one for event in events(services, url) for one in entities(event)]
    assert sum("Patient/" in one for one in shown) >= stored


def test_a_result_is_not_given_when_rights_have_ended(mine, services):
    url = mine.caller().leave("GET", "Observation")
    assert mine.caller().wait(url).status_code == 200
    grants.end(services, grant_of(services, mine.caller()))
    answer = mine.caller(mine.tokens()).status(url)
    assert (answer.status_code, message(answer)) == (403, "job-rights-ended")


def test_a_result_is_not_given_when_rights_are_less_than_they_were(mine, services):
    url = mine.caller().leave("GET", "Observation")
    assert mine.caller().wait(url).status_code == 200
    hidden = {"masks": {"Observation": {"hidden": ["value"]}}}
    services.store.shelf(shelves.CLIENTS).change(mine.app.id, hidden)
    answer = mine.caller().status(url)
    assert (answer.status_code, message(answer)) == (403, "job-rights-changed")


def test_a_result_is_not_given_when_something_in_it_is_seen_no_more(system):
    """A patient moves to where the member of staff has nothing to do with them."""
    id, all_seeing = fresh(), system()
    here, there = (patient(id=id, address=[lives_in(one)]) for one in ("350602", "350603"))
    assert all_seeing.send("PUT", f"Patient/{id}", here).status_code == 201
    doctor = system("user/Patient.rs", role="clinician", division="350602")
    url = doctor.leave("GET", f"Patient?_id={id}")
    assert doctor.wait(url).json()["total"] == 1
    assert all_seeing.send("PUT", f"Patient/{id}", there).status_code == 200
    answer = doctor.status(url)
    assert (answer.status_code, message(answer)) == (403, "job-rights-changed")


def test_what_a_bundle_has_written_is_told_even_then(system):
    """Only what it has read besides is not."""
    id, all_seeing = fresh(), system()
    here, there = (patient(id=id, address=[lives_in(one)]) for one in ("350602", "350603"))
    assert all_seeing.send("PUT", f"Patient/{id}", here).status_code == 201
    doctor = system("user/*.cruds", role="clinician", division="350602")
    bundle = batch_of(0) | {
        "entry": [
            {"resource": observation(), "request": {"method": "POST", "url": "Observation"}},
            {"request": {"method": "GET", "url": f"Patient/{id}"}},
        ]
    }
    url = doctor.leave("POST", "", bundle)
    made, read = doctor.wait(url).json()["entry"]
    assert read["resource"]["id"] == id
    assert all_seeing.send("PUT", f"Patient/{id}", there).status_code == 200
    again, unread = doctor.status(url).json()["entry"]
    assert again == made
    assert unread["response"]["status"].startswith("503")
    assert "resource" not in unread


def test_the_trail_has_every_step(system, services):
    caller, id = system(), fresh()
    caller.send("PUT", f"Patient/{id}", patient(id=id))
    url = caller.leave("GET", f"Patient?_id={id}")
    caller.wait(url)
    given = f"Patient/{id}/_history/1"
    # What a process has read is durable a moment after it was told.
    wait_until(lambda: sum(given in entities(one) for one in events(services, url)) == 2)
    known = events(services, url)
    asked = [one for one in known if one["subtype"][0]["code"] == "job-status"]
    left, done = [one for one in known if one not in asked]
    assert {one["subtype"][0]["code"] for one in (left, done)} == {"search-type"}
    assert not any("Patient/" in one for one in entities(left))
    assert given in entities(done)
    assert "GET Patient?_id=" in request(done)
    *polls, last = asked
    assert given in entities(last)
    assert not any("Patient/" in one for poll in polls for one in entities(poll))


def test_a_systems_job_outlives_its_short_token(system, services, paused):
    """Its authorisation ends ten minutes later; its jobs have a day."""
    caller = system()
    with paused():
        url = caller.leave("GET", "Patient?_count=1")
        shelf = services.store.shelf(shelves.GRANTS)
        grant = shelf.find(grant_of(services, caller))
        left = grant["expires_at"] - grant["created"]
        assert left.total_seconds() > 86_400
    assert caller.wait(url).status_code == 200


def test_a_page_of_an_app_can_read_how_far_it_is(world, guarded):
    app = world.app(origins=["https://page.test"])
    tokens = world.tokens(app, world.resident(), scope=SCOPE)
    page = Caller(guarded.base, tokens["access_token"], {"Origin": "https://page.test"})
    wait_until(lambda: "Access-Control-Expose-Headers" in page.send("GET", "Patient").headers)
    answer = page.send("GET", "Observation", Prefer="respond-async")
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Content-Location", "X-Progress", "Retry-After", "Expires"} <= {*exposed}


def events(services, url):
    """Return the AuditEvents about a job, in order."""
    id = url.rpartition("/")[2]
    records = services.store.engine.collections.current("AuditEvent")
    found = records.find({"raw": {"$exists": True}}).sort("lu", 1)
    all = [orjson.loads(one["raw"]) for one in found if id.encode() in one["raw"]]
    return sorted(all, key=lambda one: one["recorded"])


def entities(event):
    return [one["what"]["reference"] for one in event.get("entity", ()) if "what" in one]


def request(event):
    """Return the text of the request that an event tells of."""
    (query,) = [one["query"] for one in event["entity"] if "query" in one]
    return base64.b64decode(query).decode()
