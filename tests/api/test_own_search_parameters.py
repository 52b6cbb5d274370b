"""SearchParameter resources become parameters of this server: a server of two processes.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

import secrets
import sys

import pytest

from tests import nursery, processes
from tests.api.client import Client, etag, refused
from tests.builders import fresh, observation, patient

ALREADY_KNOWN = "http://hl7.org/fhir/SearchParameter/individual-gender"
ASKED_OF_EACH_PROCESS = 12


def parameter(**elements):
    """Return an active SearchParameter of Patient, with a URL and a code of its own."""
    return {
        "resourceType": "SearchParameter",
        "url": f"urn:{fresh()}",
        "name": "Marital",
        "status": "active",
        "description": "Marital status",
        "code": fresh()[:20],
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.maritalStatus",
        **elements,
    }


@pytest.fixture(scope="module")
def own_server(mongodb, mongodb_url, tmp_path_factory):
    """A server on a database of its own, which may be killed; it has 300 patients."""
    database = f"test_own_{secrets.token_hex(4)}"
    log = tmp_path_factory.mktemp("own") / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=database, workers=2)
    server.database = database
    server.start()
    try:
        server.ready()
        client = Client(server.base)
        for number in range(300):
            status = {"coding": [{"system": "urn:m", "code": "MS"[number % 2]}]}
            client.create(patient(maritalStatus=status))
        client.session.close()
        yield server
    finally:
        server.end()
        mongodb.drop_database(database)


@pytest.fixture
def base(own_server):
    return own_server.base


@pytest.fixture
def usable(fhir):
    """Return a function that waits until every process answers a query."""

    def usable(query):
        def answers():
            statuses = [fresh_get(fhir, query) for _ in range(ASKED_OF_EACH_PROCESS)]
            return set(statuses) == {200}

        processes.wait_until(answers, 60, 0.2)

    return usable


def fresh_get(fhir, query):
    """Return the status of `query`, asked over a connection of its own, of whichever process."""
    client = Client(fhir.base)
    try:
        return client.request("GET", query).status_code
    finally:
        client.session.close()


def test_an_active_one_is_announced_and_finds_what_was_there_before(fhir, usable):
    own = fhir.create(parameter())
    code = own["code"]
    usable(f"Patient?{code}=S")
    assert fhir.bundle(f"Patient?{code}=urn:m|S&_total=accurate")["total"] == 150
    assert fhir.bundle(f"Patient?{code}:not=S&_total=accurate")["total"] >= 150

    announced = fhir.request("GET", "metadata").json()["rest"][0]["resource"]
    of_patient = next(one for one in announced if one["type"] == "Patient")["searchParam"]
    assert {"name": code, "definition": own["url"], "type": "token"} in of_patient


def test_what_is_written_meanwhile_is_found(fhir, usable):
    before = fhir.create(patient(maritalStatus={"text": "a", "coding": [{"code": "before"}]}))
    own = fhir.create(parameter())
    meanwhile = fhir.create(patient(maritalStatus={"text": "a", "coding": [{"code": "before"}]}))
    usable(f"Patient?{own['code']}=S")
    assert set(fhir.ids(f"Patient?{own['code']}=before")) >= {before["id"], meanwhile["id"]}


def test_content_is_found_by_its_type(fhir, usable):
    """R4 has no parameter for it, which STU3 had."""
    type = f"application/x-{fresh()}"
    before = fhir.post("Binary", b"x", Content_Type=type).json()
    own = fhir.create(parameter(base=["Binary"], expression="Binary.contentType"))
    usable(f"Binary?{own['code']}={type}")
    after = fhir.post("Binary", b"y", Content_Type=type).json()
    assert set(fhir.ids(f"Binary?{own['code']}={type}")) == {before["id"], after["id"]}


def test_before_it_is_indexed_it_is_refused_by_name(fhir, english):
    own = fhir.create(parameter())
    issue = refused(english.request("GET", f"Patient?{own['code']}=male"), 400, language="en")[0]
    assert own["code"] in issue["details"]["text"]


def test_a_composite_of_an_own_parameter_and_one_of_r4(fhir, usable):
    mark = fresh()
    mine = {"resourceType": "Observation", "code": {"coding": [{"code": mark}]}}
    found = fhir.create(observation(**mine, note=[{"text": "一"}]))
    fhir.create(observation(**mine, note=[{"text": "二"}]))
    note = fhir.create(
        parameter(base=["Observation"], type="string", expression="Observation.note.text")
    )
    pair = fhir.create(
        parameter(
            base=["Observation"],
            type="composite",
            expression="Observation",
            component=[
                {
                    "definition": "http://hl7.org/fhir/SearchParameter/clinical-code",
                    "expression": "code",
                },
                {"definition": note["url"], "expression": "note.text"},
            ],
        )
    )
    usable(f"Observation?{pair['code']}=a$b")
    assert fhir.ids(f"Observation?{pair['code']}={mark}$一") == [found["id"]]


@pytest.mark.parametrize(
    "elements",
    [
        {"expression": "Patient.nothing"},
        {"expression": "Patient.name.replace('a', 'b')"},
        {"expression": "(" * 30_000},
        {"type": "number"},
        {"type": "special"},
        {"code": "gender"},
        {"code": "_count"},
        {"base": ["Patient", "Ghost"]},
        {"type": "composite", "component": []},
    ],
)
def test_one_that_could_never_find_anything_is_refused(fhir, elements):
    refused(fhir.post("SearchParameter", parameter(**elements)), 400, 422)


def test_the_refusal_names_what_is_wrong(english):
    answer = english.post("SearchParameter", parameter(expression="Patient.nothing"))
    issue = refused(answer, 422, language="en")[0]
    assert "Patient has no element nothing" in issue["details"]["text"]
    assert issue["expression"] == ["SearchParameter.expression"]


@pytest.mark.parametrize("status", ["draft", "retired", "unknown"])
def test_one_that_is_not_active_is_stored_and_not_used(fhir, status):
    own = fhir.create(parameter(status=status, expression="Patient.nothing"))
    assert fhir.request("GET", f"SearchParameter/{own['id']}").json() == own
    refused(fhir.request("GET", f"Patient?{own['code']}=S"), 400)


def test_a_definition_of_r4_itself_is_stored_and_changes_nothing(fhir):
    count = fhir.bundle("Patient?gender=female&_total=accurate")["total"]
    fhir.create(parameter(url=ALREADY_KNOWN, code="gender", expression="Patient.maritalStatus"))
    assert fhir.bundle("Patient?gender=female&_total=accurate")["total"] == count


def test_two_with_one_code_are_refused(fhir):
    own = fhir.create(parameter())
    refused(fhir.post("SearchParameter", parameter(code=own["code"])), 422)


def test_a_retired_one_is_unknown_in_each_process(fhir, usable):
    own = fhir.create(parameter())
    query = f"Patient?{own['code']}=S"
    usable(query)
    path = f"SearchParameter/{own['id']}"
    current = fhir.request("GET", path)
    answer = fhir.request("PUT", path, {**own, "status": "retired"}, If_Match=etag(current))
    assert answer.status_code == 200

    def is_unknown():
        return {fresh_get(fhir, query) for _ in range(ASKED_OF_EACH_PROCESS)} == {400}

    processes.wait_until(is_unknown, 20, 0.2)


def test_a_changed_one_finds_by_its_new_expression_only(fhir, usable):
    own = fhir.create(parameter())
    query = f"Patient?{own['code']}=female&_total=accurate"
    usable(query)
    assert fhir.bundle(query)["total"] == 0
    changed = {**own, "expression": "Patient.gender"}
    assert fhir.request("PUT", f"SearchParameter/{own['id']}", changed).status_code == 200
    # Refused until it is indexed, in this process at once and in others within a second.
    processes.wait_until(lambda: fresh_get(fhir, query) == 400 or found(fhir, query) > 0, 10)
    usable(query)
    assert fhir.bundle(query)["total"] >= 300


def found(fhir, query):
    answer = fhir.request("GET", query)
    return answer.json().get("total", 0) if answer.status_code == 200 else 0


def test_it_survives_that_every_process_is_killed(own_server, fhir, usable, mongodb):
    database = mongodb[own_server.database]
    own = fhir.create(parameter())
    processes.wait_until(
        lambda: database["_reindex"].find_one({"_id": "Patient"})["state"] != "done"
    )
    own_server.kill()
    own_server.start()
    own_server.ready()
    usable(f"Patient?{own['code']}=S")
    assert fhir.bundle(f"Patient?{own['code']}=S&_total=accurate")["total"] == 150


def test_progress_is_in_the_metrics(own_server, fhir, usable):
    own = fhir.create(parameter())
    usable(f"Patient?{own['code']}=S")
    told = processes.text(f"{own_server.root}/metrics")
    assert 'tongkang_reindex_state{state="done",type="Patient"} 1.0' in told
    done = next(
        line
        for line in told.splitlines()
        if line.startswith('tongkang_reindex_resources_done{type="Patient"')
    )
    assert float(done.split()[-1]) >= 300


def run(own_server, *arguments):
    environ = {**own_server.environ, "TONGKANG_LANGUAGE": "en"}
    return nursery.ran(*arguments, environ=environ)


def test_the_commands_list_reindex_and_verify_beside_the_server(own_server, fhir, usable, mongodb):
    own = fhir.create(parameter())
    usable(f"Patient?{own['code']}=S")
    listed = run(own_server, "search-parameters")
    assert f"Patient?{own['code']}  {own['url']}  in use" in listed.stdout
    assert "Patient?age" in listed.stdout
    assert "_content" not in listed.stdout, "it works, but for AuditEvent"

    mongodb[own_server.database].Patient.update_many({}, {"$set": {"t": []}})
    anew = run(own_server, "reindex", "Patient")
    assert (anew.returncode, "1 types were indexed anew." in anew.stdout) == (0, True), anew.stderr
    assert fhir.bundle(f"Patient?{own['code']}=S&_total=accurate")["total"] == 150
    proof = run(own_server, "verify")
    assert proof.returncode == 0, proof.stdout

    nothing = run(own_server, "reindex", "Slot")
    assert (nothing.returncode, "No Slot is stored." in nothing.stderr) == (1, True)


def test_a_command_that_is_killed_midway_is_gone_on_with(request, own_server, mongodb_url, mongodb):
    database = mongodb[own_server.database]
    command = processes.Process(
        [sys.executable, "-m", "server.cli", "reindex", "Patient"],
        own_server.log,
        mongodb_url=mongodb_url,
        database=own_server.database,
    )
    command.start()
    request.addfinalizer(command.kill)
    processes.wait_until(
        lambda: database["_reindex"].find_one({"_id": "Patient"})["state"] != "done"
    )
    command.kill()
    jobs = database["_reindex"]
    processes.wait_until(lambda: jobs.find_one({"_id": "Patient"})["state"] == "done", 60)
    assert run(own_server, "verify").returncode == 0
