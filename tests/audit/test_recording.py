"""Each request to a server that asks for tokens leaves one AuditEvent before it is answered."""

import base64
import secrets

import orjson
import pytest
import requests as http

from server.auth import shelves
from server.auth.development import Wanted, token
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.shelf import digest
from tests import processes
from tests.builders import patient

TAIL = 400


@pytest.fixture(scope="module")
def name(mongodb):
    name = f"test_{secrets.token_hex(6)}"
    yield name
    mongodb.drop_database(name)


@pytest.fixture(scope="module")
def services(mongodb_url, name):
    settings = Settings(mongodb_url=mongodb_url, database=name)
    services = Services.open(Interpreters.of(settings), bytes)
    yield services
    services.close()


@pytest.fixture(scope="module")
def server(mongodb_url, name, tmp_path_factory):
    log = tmp_path_factory.mktemp("recording") / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=name, access="oauth")
    yield server.start().ready()
    server.end()


@pytest.fixture(scope="module")
def system(services):
    return {"Authorization": f"Bearer {token(services, Wanted(scope='system/*.cruds'))}"}


@pytest.fixture(scope="module")
def auditor(services):
    wanted = Wanted(scope="user/AuditEvent.rs", role="auditor", division="3502")
    return {"Authorization": f"Bearer {token(services, wanted)}"}


@pytest.fixture
def recorded(mongodb, name):
    """Return a function that gives what has been recorded since the test began."""
    found = mongodb[name]["AuditEvent"]
    before = {one["_id"] for one in found.find({}, {"_id": 1})}

    def since():
        rows = [one for one in found.find().sort("lu", 1) if one["_id"] not in before]
        events = [orjson.loads(one["raw"]) for one in rows]
        return [one for one in events if one["subtype"][0]["code"] != "110120"]

    return since


def request_of(event):
    return base64.b64decode(event["entity"][0]["query"]).decode()


def entities(event):
    return [one["what"]["reference"] for one in event["entity"] if "what" in one]


def test_a_read_is_recorded_with_the_version_that_was_given(server, system, recorded):
    made = http.post(f"{server.base}/Patient", json=patient(), headers=system)
    id = made.json()["id"]
    http.get(f"{server.base}/Patient/{id}", headers=system)
    created, read = recorded()
    assert created["action"] == "C"
    assert read["subtype"][0]["code"] == "read"
    assert read["outcome"] == "0"
    assert read["agent"][0]["altId"] == "development"
    assert read["agent"][0]["network"]["address"] == "127.0.0.1"
    for event in (created, read):
        assert entities(event) == [f"Patient/{id}/_history/1"]


@pytest.mark.parametrize("path", ["Patient", ""])
def test_a_provenance_is_recorded_with_what_it_is_of(server, system, recorded, path):
    told = {"resourceType": "Provenance", "recorded": "2025-03-01T08:30:00+08:00"}
    told["agent"] = [{"who": {"display": "a"}}]
    headers = {**system, "X-Provenance": orjson.dumps(told).decode()}
    request = {"method": "POST", "url": "Patient"}
    entry = [{"resource": patient(), "request": request}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
    sent = patient() if path else bundle
    assert http.post(f"{server.base}/{path}", json=sent, headers=headers).ok
    (event,) = recorded()
    written = [one.partition("/")[0] for one in entities(event)]
    assert written == ["Patient", "Provenance"]


@pytest.mark.parametrize("type", ["batch", "transaction"])
def test_what_a_bundle_asked_for_in_vain_is_recorded(server, system, recorded, type):
    requests = [{"method": "GET", "url": f"Patient/{id}"} for id in ("unseen", "hidden")]
    bundle = {"resourceType": "Bundle", "type": type, "entry": [{"request": r} for r in requests]}
    answer = http.post(server.base, json=bundle, headers=system)
    assert answer.status_code == (200 if type == "batch" else 404)
    (event,) = recorded()
    assert event["subtype"][0]["code"] == type
    assert entities(event) == ["Patient/unseen", "Patient/hidden"]


def test_content_is_recorded_as_its_resource_is(server, system, recorded):
    """As is whom its security context is about."""
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
    subject = {"subject": {"reference": "Patient/of-the-content"}}
    made = http.post(f"{server.base}/Observation", json={**body, **subject}, headers=system)
    context = {"X-Security-Context": f"Observation/{made.json()['id']}"}
    sent = {**system, **context, "Content-Type": "text/plain"}
    id = http.post(f"{server.base}/Binary", data=b"x", headers=sent).json()["id"]
    assert http.get(f"{server.base}/Binary/{id}", headers=system).content == b"x"
    event = recorded()[-1]
    assert set(entities(event)) == {f"Binary/{id}/_history/1", "Patient/of-the-content"}


def test_operations_are_recorded_by_what_they_show_and_change(server, system, recorded):
    made = http.post(f"{server.base}/Patient", json=patient(), headers=system)
    base = f"{server.base}/Patient/{made.json()['id']}"
    tag = {"name": "meta", "valueMeta": {"tag": [{"code": "a"}]}}
    body = {"resourceType": "Parameters", "parameter": [tag]}
    http.post(f"{base}/$meta-add", json=body, headers=system)
    for asked in ("$meta", "$diff", "$validate"):
        assert http.get(f"{base}/{asked}", headers=system).status_code == 200
    _, changed, *others = recorded()
    id = made.json()["id"]
    assert (changed["action"], entities(changed)) == ("U", [f"Patient/{id}/_history/2"])
    assert [one["action"] for one in others] == ["E"] * 3
    shown = [entities(one) for one in others]
    latest = f"Patient/{id}/_history/2"
    assert shown == [[latest], [f"Patient/{id}/_history/1", latest], [latest]]


def test_a_search_is_recorded_with_what_it_found_but_not_with_whom_it_was_for(
    server, system, recorded
):
    number = "110101199003071234"
    body = patient(identifier=[{"system": "urn:x", "value": number}])
    id = http.post(f"{server.base}/Patient", json=body, headers=system).json()["id"]
    query = {"identifier": f"urn:x|{number}", "name": "陈甲子", "gender": "female"}
    found = http.get(f"{server.base}/Patient", params=query, headers=system)
    assert found.json()["total"] == 1
    event = recorded()[-1]
    assert entities(event) == [f"Patient/{id}/_history/1"]
    asked = request_of(event)
    assert "identifier=urn:x|110101********1234&name=陈**&gender=female" in asked
    assert number not in str(event)


def test_a_patch_is_recorded_as_a_change_of_what_it_made_without_what_it_says(
    server, system, recorded
):
    id = http.post(f"{server.base}/Patient", json=patient(), headers=system).json()["id"]
    body = b'[{"op":"replace","path":"/name/0/text","value":"secretly"}]'
    sent = {**system, "Content-Type": "application/json-patch+json"}
    assert http.patch(f"{server.base}/Patient/{id}", body, headers=sent).status_code == 200
    event = recorded()[-1]
    assert event["action"] == "U"
    assert event["subtype"][0]["code"] == "patch"
    assert entities(event) == [f"Patient/{id}/_history/2"]
    assert "secretly" not in str(event) + request_of(event)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("Patient/nobody", "404 resource-unknown"),
        ("AuditEvent", "403 interaction-forbidden"),
        ("Patient?nonsense=1", "400 search-parameter-unknown"),
        ("Nothing/1", "404 type-unknown"),
    ],
)
def test_a_refusal_is_recorded_with_its_reason(server, system, recorded, path, reason):
    answer = http.get(f"{server.base}/{path}", headers=system)
    assert answer.status_code == int(reason[:3])
    (event,) = recorded()
    assert event["outcome"] == "4"
    assert event["outcomeDesc"] == reason
    assert event["agent"][0]["altId"] == "development"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody-knows-this"}])
def test_who_is_not_known_is_recorded_as_such(server, recorded, headers):
    assert http.get(f"{server.base}/Patient/x", headers=headers).status_code == 401
    (event,) = recorded()
    assert event["outcomeDesc"].startswith("401 ")
    assert "Patient/x" in entities(event)
    assert "who" not in event["agent"][0]
    assert "nobody-knows-this" not in str(event)


def test_auditors_search_the_trail_and_that_is_recorded_too(server, system, auditor, recorded):
    id = http.post(f"{server.base}/Patient", json=patient(), headers=system).json()["id"]
    found = http.get(f"{server.base}/AuditEvent?patient=Patient/{id}", headers=auditor)
    assert found.status_code == 200, found.text[:TAIL]
    (entry,) = found.json()["entry"]
    assert entry["resource"]["action"] == "C"
    event = recorded()[-1]
    assert event["subtype"][0]["code"] == "search-type"
    assert entities(event) == [f"AuditEvent/{entry['resource']['id']}/_history/1", f"Patient/{id}"]


@pytest.mark.parametrize(
    "query",
    ["agent-name=x", "action=C", "outcome=4", "date=ge2020", "type=rest", "subtype=read",
     "entity=Patient/x", "_sort=-date&_count=2", "_lastUpdated=ge2020", "entity-role=1"],
)  # fmt: skip
def test_the_trail_is_searched_like_any_type(server, auditor, query):
    answer = http.get(f"{server.base}/AuditEvent?{query}", headers=auditor)
    assert answer.status_code == 200, answer.text[:TAIL]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("access", ["oauth", "open"])
def test_nobody_writes_to_the_trail(request, server, system, method, access):
    base = server.base if access == "oauth" else request.getfixturevalue("open_server").base
    path = "AuditEvent" if method == "POST" else "AuditEvent/x"
    answer = http.request(method, f"{base}/{path}", json={"id": "x"}, headers=system)
    assert answer.status_code == 403


@pytest.fixture(scope="module")
def open_server(mongodb_url, name, tmp_path_factory):
    log = tmp_path_factory.mktemp("recording") / "open.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=name)
    yield server.start().ready()
    server.stop()


def test_an_open_server_records_nothing(open_server, recorded):
    http.get(f"{open_server.base}/Patient/x")
    assert recorded() == []


def test_a_revoked_token_gives_nothing_more_although_it_is_remembered(
    server, services, system, recorded
):
    wanted = token(services, Wanted(scope="system/*.rs"))
    headers = {"Authorization": f"Bearer {wanted}"}
    id = http.post(f"{server.base}/Patient", json=patient(), headers=system).json()["id"]
    for _ in range(20):  # until both processes remember it
        assert http.get(f"{server.base}/Patient/{id}", headers=headers).status_code == 200
    services.store.shelf(shelves.TOKENS).remove({"_id": digest(wanted)})
    services.trail.bump()
    for _ in range(20):
        assert http.get(f"{server.base}/Patient/{id}", headers=headers).status_code == 401
