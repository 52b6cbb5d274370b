"""A long record is told piece by piece: with little memory, and nothing leaves unrecorded.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

import base64
import http.client
import json
import secrets
import socket
from pathlib import Path
from xml.etree import ElementTree as ET

import fhirpy
import orjson
import pytest

from server.auth import grants, shelves
from server.auth.development import Wanted, token
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.shelf import digest
from tests import processes
from tests.api.client import Client, link
from tests.api.records import name, ref
from tests.builders import observation, patient
from tests.processes import wait_until

MB = 1_000_000
COUNT = 940
PIECES = 20
"""A page of so many resources is told in more pieces than this."""
SYSTEM = Wanted(scope="system/*.cruds")


@pytest.fixture(scope="module")
def database_name(mongodb):
    name = f"test_{secrets.token_hex(6)}"
    yield name
    mongodb.drop_database(name)


@pytest.fixture(scope="module")
def services(mongodb_url, database_name):
    settings = Settings(mongodb_url=mongodb_url, database=database_name, access="oauth")
    services = Services.open(Interpreters.of(settings), bytes)
    yield services
    services.close()


@pytest.fixture(scope="module")
def guarded(mongodb_url, database_name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("streaming")
    server = processes.Server(
        folder / "server.log",
        mongodb_url=mongodb_url,
        database=database_name,
        access="oauth",
        workers=1,
        job_workers=1,
        log_level="info",
        data_folder=folder,
    )
    yield server.start().ready()
    server.end()


@pytest.fixture(scope="module")
def bearer(services):
    return token(services, SYSTEM)


@pytest.fixture(scope="module")
def system(guarded, bearer):
    client = Client(guarded.base, {"Authorization": f"Bearer {bearer}"})
    yield client
    client.session.close()


def stored(system, count, size):
    """Store a patient, who has a doctor, with `count` observations of about `size` bytes."""
    doctor = system.create({"resourceType": "Practitioner", "name": [{"text": "医生甲"}]})
    somebody = system.create(patient(generalPractitioner=[ref(doctor)]))
    one = observation(subject=ref(somebody), note=[{"text": "x" * size}])
    entry = {"request": {"method": "POST", "url": "Observation"}, "resource": one}
    while count:
        now = min(count, 200)
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * now}
        assert system.post("", bundle).status_code == 200
        count -= now
    return name(somebody), name(doctor)


@pytest.fixture(scope="module")
def long(system):
    """A record of nearly a thousand resources and 30 MB, which is one page."""
    return stored(system, COUNT, 31_000)


@pytest.fixture(scope="module")
def light(system):
    """A record of as many resources, and 2 MB."""
    return stored(system, COUNT, 1_500)


@pytest.fixture
def recorded(mongodb, database_name):
    """Return a function that gives the AuditEvents since the test began, in their order."""
    found = mongodb[database_name]["AuditEvent"]
    before = {one["_id"] for one in found.find({}, {"_id": 1})}

    def since():
        rows = [one for one in found.find().sort("_id", 1) if one["_id"] not in before]
        events = [orjson.loads(one["raw"]) for one in rows]
        return [one for one in events if one["subtype"][0]["code"] == "operation"]

    return since


def told(event):
    """Return the versions that an event says were told of."""
    references = [one.get("what", {}).get("reference", "") for one in event.get("entity", ())]
    return [one for one in references if "/_history/" in one]


def request_of(event):
    return base64.b64decode(event["entity"][0]["query"]).decode()


def versions(bundle):
    """Return the versions in `bundle`."""
    found = [one["resource"] for one in bundle["entry"]]
    return [f"{name(one)}/_history/{one['meta']['versionId']}" for one in found]


class Slow:
    """A client that takes no more than it asks for: what it does not take, waits at the server."""

    def __init__(self, guarded, bearer, path, version=11, method="GET"):
        host, _, port = guarded.root.removeprefix("http://").partition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self.connection._http_vsn = version
        self.connection._http_vsn_str = f"HTTP/{version // 10}.{version % 10}"
        self.connection.sock = socket.socket()
        self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64_000)
        self.connection.sock.connect((host, int(port)))
        self.connection.request(
            method, f"/fhir/{path}", headers={"Authorization": f"Bearer {bearer}"}
        )
        self.answer = self.connection.getresponse()

    def close(self):
        self.answer.close()
        self.connection.close()


@pytest.fixture
def slow(guarded, bearer):
    made = []

    def asked(path, **how):
        made.append(Slow(guarded, how.pop("bearer", bearer), path, **how))
        return made[-1]

    yield asked
    for one in made:
        one.close()


@pytest.fixture
def cursors(mongodb):
    """Return a function that tells how many cursors are open."""
    return lambda: mongodb.admin.command("serverStatus")["metrics"]["cursor"]["open"]["total"]


def everything(record):
    return f"{record[0]}/$everything"


def test_a_long_record_comes_in_chunks_and_whole(system, long):
    answer = system.get(everything(long))
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers
    bundle = answer.json()
    found = [name(one["resource"]) for one in bundle["entry"]]
    assert len(found) == len(set(found)) == COUNT + 2
    assert (found[0], found[-1]) == long
    assert bundle["total"] == COUNT + 1
    assert link(bundle, "self") == link(bundle, "first") == f"{system.base}/{everything(long)}"
    for entry in (*bundle["entry"][:3], *bundle["entry"][-3:]):
        body = system.get(name(entry["resource"])).content
        assert body in answer.content
        assert json.loads(body) == entry["resource"]


def test_the_first_of_it_is_here_long_before_the_last(slow, long, recorded):
    asked = slow(everything(long))
    assert asked.answer.read(1000).startswith(b'{"resourceType":"Bundle"')
    parts = len(recorded())
    assert 0 < parts < PIECES * 3
    rest = asked.answer.read()
    assert len(rest) > 29 * MB
    assert len(recorded()) > parts + PIECES


def test_the_trail_has_all_of_it_in_parts_of_one_request(system, long, recorded):
    answer = system.get(everything(long), X_Request_Id="in-parts")
    events = recorded()
    assert [one for event in events for one in told(event)] == versions(answer.json())
    assert len(events) > PIECES
    assert max(len(told(event)) for event in events) <= 50
    for number, event in enumerate(events, 1):
        assert "X-Request-Id: in-parts" in request_of(event)
        assert request_of(event).endswith(f"\r\nPart: {number}")
        assert event["outcome"] == "0"


def test_a_short_record_is_one_answer_and_one_event(system, recorded):
    record = stored(system, 20, 10)
    answer = system.get(everything(record))
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.content.startswith(
        b'{"resourceType":"Bundle","type":"searchset","total":21,"link"'
    )
    (event,) = recorded()
    assert sorted(told(event)) == sorted(versions(answer.json()))
    assert "Part:" not in request_of(event)


@pytest.mark.parametrize("count", [49, 50, 51, 99, 100, 101, 500])
def test_pages_of_pieces_are_the_record(system, light, count):
    pages = system.pages(f"{everything(light)}?_count={count}")
    found = [one for page in pages for one in versions(page)]
    assert len(found) == len(set(found)) == COUNT + 2
    assert all(len(page["entry"]) == count for page in pages[:-1])
    assert all("total" not in page for page in pages)


def test_a_larger_page_needs_no_more_memory(guarded, system, long, light):
    (worker,) = workers(guarded.child.pid)

    def growth(record):
        Path(f"/proc/{worker}/clear_refs").write_text("5")
        before = _memory(worker, "VmRSS")
        with system.session.get(
            f"{system.base}/{everything(record)}", headers=system.headers, stream=True
        ) as answer:
            size = sum(map(len, answer.iter_content(100_000)))
        return size, _memory(worker, "VmHWM") - before

    for record in (light, long):
        growth(record)  # what is needed once
    (small, little), (large, more) = growth(light), growth(long)
    assert large > small + 25 * MB
    assert more < little + 15 * MB


def workers(process):
    """Return the processes of gunicorn below `process` that answer requests."""
    below = processes.children(process)
    found = [one for each in below for one in workers(each)]
    is_gunicorn = "gunicorn" in Path(f"/proc/{process}/cmdline").read_text()
    return found or ([process] if is_gunicorn else [])


def _memory(process, name):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (found,) = [one for one in lines if one.startswith(f"{name}:")]
    return int(found.split()[1]) * 1024


def test_who_goes_away_is_told_no_more(guarded, slow, long, recorded, cursors):
    before, logged = cursors(), guarded.log.stat().st_size
    asked = slow(everything(long))
    asked.answer.read(MB)
    assert cursors() > before
    asked.close()
    wait_until(lambda: cursors() <= before)
    assert len(recorded()) < PIECES * 3
    wait_until(lambda: lines(guarded, logged))
    (line,) = lines(guarded, logged)
    assert (line["status"], line["level"]) == (200, "INFO")
    assert MB < line["bytes"] < 25 * MB


def lines(guarded, start):
    """Return what the server has logged behind `start`, but for its reads."""
    with guarded.log.open("rb") as log:
        log.seek(start)
        found = [json.loads(one) for one in log.read().splitlines()]
    return [one for one in found if one.get("interaction") not in ("create", "read")]


def test_a_withdrawal_cuts_it_off(services, guarded, slow, long, recorded):
    lost = token(services, SYSTEM)
    logged = guarded.log.stat().st_size
    asked = slow(everything(long), bearer=lost)
    body = asked.answer.read(MB)
    record = services.store.shelf(shelves.TOKENS).find(digest(lost))
    grants.end(services, record["grant"])
    with pytest.raises(http.client.IncompleteRead) as cut:
        asked.answer.read()
    body += cut.value.partial
    *given, last = recorded()
    assert (last["outcome"], last["outcomeDesc"]) == ("4", "401 token-unknown")
    assert request_of(last).endswith(f"\r\nPart: {len(given)}")
    assert told(last) == []
    assert len(given) < PIECES * 3
    assert body.count(b'"fullUrl"') < sum(len(told(one)) for one in given)
    assert any(one["message"] == "an answer was cut off" for one in lines(guarded, logged))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_withdrawal_from_somebody_else_does_not(services, slow, long, method):
    asked = slow(everything(long), method=method)
    body = asked.answer.read(MB)
    services.trail.bump()
    body += asked.answer.read()
    assert json.loads(body)["total"] == COUNT + 1


def test_rights_that_changed_cut_it_off(services, slow, long, recorded):
    lost = token(services, SYSTEM)
    asked = slow(everything(long), bearer=lost)
    asked.answer.read(MB)
    record = services.store.shelf(shelves.TOKENS).find(digest(lost))
    change = {"scope": "system/Patient.rs system/Observation.rs"}
    services.store.shelf(shelves.TOKENS).change(record["id"], change)
    services.trail.bump()
    with pytest.raises(http.client.IncompleteRead):
        asked.answer.read()
    assert recorded()[-1]["outcomeDesc"] == "403 answer-rights-changed"


def test_a_database_that_fails_midway_cuts_it_off(mongodb, database_name, slow, long, recorded):
    asked = slow(everything(long))
    asked.answer.read(MB)
    _kill_cursors(mongodb, database_name)
    with pytest.raises(http.client.IncompleteRead):
        asked.answer.read()
    last = recorded()[-1]
    assert (last["outcome"], last["outcomeDesc"]) == ("8", "503 database-unavailable")


def _kill_cursors(mongodb, database):
    stages = [
        {"$currentOp": {"allUsers": True, "idleCursors": True}},
        {"$match": {"type": "idleCursor", "ns": {"$regex": f"^{database}\\."}}},
    ]
    for one in list(mongodb.admin.aggregate(stages)):
        collection = one["ns"].partition(".")[2]
        ids = [one["cursor"]["cursorId"]]
        mongodb[database].command("killCursors", collection, cursors=ids)


def test_a_client_of_http_1_0_gets_it_until_the_connection_ends(slow, long):
    asked = slow(everything(long), version=10)
    assert asked.answer.headers["Transfer-Encoding"] is None
    assert asked.answer.headers["Connection"] == "close"
    assert json.loads(asked.answer.read())["total"] == COUNT + 1


def test_a_connection_is_kept_behind_it(slow, light):
    asked = slow(everything(light))
    first = asked.connection.sock
    asked.answer.read()
    asked.connection.request("GET", "/fhir/metadata")
    assert asked.connection.getresponse().status == 200
    assert asked.connection.sock is first


def test_a_head_gets_the_headers_alone(slow, system, light, recorded, cursors):
    before = cursors()
    asked = slow(everything(light), method="HEAD")
    assert asked.answer.status == 200
    assert asked.answer.read() == b""
    assert asked.answer.headers["Content-Type"].startswith("application/fhir+json")
    asked.connection.request("GET", "/fhir/metadata")
    assert asked.connection.getresponse().status == 200
    assert len(recorded()) == 1
    wait_until(lambda: cursors() <= before)


@pytest.mark.parametrize("query", ["_format=xml", "_pretty=true"])
def test_what_is_not_written_piece_by_piece_comes_whole(system, light, recorded, query):
    answer = system.get(f"{everything(light)}?{query}")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    if query == "_pretty=true":
        count = len(answer.json()["entry"])
    else:
        children = [one.tag.rpartition("}")[2] for one in ET.fromstring(answer.content)]
        assert children[:4] == ["type", "total", "link", "link"]
        count = children.count("entry")
    (event,) = recorded()
    assert count == len(told(event)) == COUNT + 2


def test_an_entry_of_a_batch_has_it_whole(system, light):
    entry = {"request": {"method": "GET", "url": everything(light)}}
    answer = system.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert len(answer.json()["entry"][0]["resource"]["entry"]) == COUNT + 2


def test_a_job_has_it_whole(system, light):
    left = system.get(everything(light), Prefer="respond-async")
    assert left.status_code == 202
    path = left.headers["Content-Location"].removeprefix(f"{system.base}/")
    wait_until(lambda: system.get(path).status_code != 202)
    bundle = system.get(path).json()
    assert len(bundle["entry"]) == COUNT + 2
    assert bundle["total"] == COUNT + 1


def test_a_client_that_others_wrote_takes_it(guarded, bearer, long):
    client = fhirpy.SyncFHIRClient(guarded.base, authorization=f"Bearer {bearer}")
    assert len(client.execute(everything(long), "GET")["entry"]) == COUNT + 2


def test_a_refusal_has_its_status(system, long):
    for path, status in (("Patient/none/$everything", 404), (f"{everything(long)}?_type=X", 400)):
        answer = system.get(path)
        assert answer.status_code == status
        assert answer.json()["resourceType"] == "OperationOutcome"
