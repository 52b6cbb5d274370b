"""Operations on records under real tokens: what is told of them, and what a patient keeps.

What was given is in the trail; what a patient shut is shut in a stored document, too, and what is
sensitive in it stays so.
"""

import secrets

import orjson
import pytest

from server.access.policy import OPEN
from server.auth.development import Wanted, token
from server.context import Context
from server.door import perform
from server.interactions.call import Call
from server.services import Interpreters, Services
from server.settings import Settings
from tests import processes
from tests.api import records
from tests.api.client import Client
from tests.api.records import concept, name, names, ref
from tests.builders import observation, patient

HIV = concept("7917-8")
ALL = ("ALL",)


@pytest.fixture(scope="module")
def database_name(mongodb):
    name = f"test_{secrets.token_hex(6)}"
    yield name
    mongodb.drop_database(name)


@pytest.fixture(scope="module")
def services(mongodb_url, database_name):
    settings = Settings(mongodb_url=mongodb_url, database=database_name)
    services = Services.open(Interpreters.of(settings), bytes)
    yield services
    services.close()


@pytest.fixture(scope="module")
def as_who(services, mongodb_url, database_name, tmp_path_factory):
    """Return a function that gives the client of somebody with a token."""
    log = tmp_path_factory.mktemp("told") / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=database_name, access="oauth")
    made = []

    def client(**wanted):
        bearer = {"Authorization": f"Bearer {token(services, Wanted(**wanted))}"}
        made.append(Client(server.base, bearer))
        return made[-1]

    server.start().ready()
    yield client
    for one in made:
        one.session.close()
    server.end()


@pytest.fixture(scope="module")
def system(as_who):
    return as_who(scope="system/*.cruds")


@pytest.fixture(scope="module")
def record(system):
    made = records.stored(system)
    made.composition = system.create(
        {
            "resourceType": "Composition",
            "status": "final",
            "type": concept("34133-9"),
            "subject": ref(made.patient),
            "date": "2024-05-11",
            "author": [ref(made.doctor)],
            "title": "病历摘要",
            "section": [{"entry": [ref(made.measured[0])]}],
        }
    )
    return made


@pytest.fixture
def told(mongodb, database_name):
    """Return a function that gives what the one event since the test began says was given."""
    events = mongodb[database_name]["AuditEvent"]
    before = {one["_id"] for one in events.find({}, {"_id": 1})}

    def since():
        rows = [one for one in events.find() if one["_id"] not in before]
        (event,) = (orjson.loads(one["raw"]) for one in rows)
        return {
            one["what"]["reference"].partition("/_history")[0]
            for one in event["entity"]
            if "/_history/" in one.get("what", {}).get("reference", "")
        }

    return since


@pytest.mark.parametrize(
    "path",
    [
        "Patient/{id}/$everything", "Patient/{id}/$everything?_count=4",
        "Patient/{id}/$everything?_type=Practitioner", "Patient/{id}/$summary",
        "Observation/$lastn?patient={id}&code=8310-5&max=2", "Composition/{composition}/$document",
    ],
)  # fmt: skip
def test_the_trail_has_all_that_was_given(system, record, told, path):
    url = path.format(id=record.patient["id"], composition=record.composition["id"])
    given = [entry["resource"] for entry in system.bundle(url)["entry"]]
    assert told() == {name(one) for one in given if "versionId" in one.get("meta", {})}


def test_a_stored_document_is_in_the_trail_with_all_that_is_in_it(system, record, told):
    answer = system.post(f"{name(record.composition)}/$document?persist=true", b"", Content_Type="")
    document = answer.json()
    assert told() == {name(document), *(name(one["resource"]) for one in document["entry"])}


@pytest.fixture(scope="module")
def stored(services):
    """Return a function that stores a result, a Composition of it, and that one's document.

    It is done by somebody who may see everything.
    """
    context = Context.of(services, OPEN, "zh")

    def create(resource):
        call = Call(
            interaction="create", type=resource["resourceType"], body=orjson.dumps(resource)
        )
        return orjson.loads(perform(context, call).body)

    def store(result):
        somebody = create(patient())
        made = create(observation(subject=ref(somebody), code=result))
        composition = create(
            {
                "resourceType": "Composition",
                "status": "final",
                "type": concept("34133-9"),
                "subject": ref(somebody),
                "date": "2024-05-11",
                "author": [ref(somebody)],
                "title": "病历摘要",
                "section": [{"entry": [ref(made)]}],
            }
        )
        asked = Call(
            interaction="operation",
            method="POST",
            type="Composition",
            id=composition["id"],
            operation="document",
            query=(("persist", "true"),),
        )
        return somebody, composition, orjson.loads(perform(context, asked).body)

    return store


def test_a_stored_document_belongs_to_whom_it_is_about(stored, as_who):
    somebody, _, document = stored(concept("8310-5"))
    other, _, _ = stored(concept("8310-5"))
    for one, status in ((somebody, 200), (other, 404)):
        app = as_who(scope="patient/*.rs", patient=one["id"])
        assert app.get(name(document)).status_code == status
        assert (document["id"] in app.ids("Bundle")) == (status == 200)


def test_what_is_sensitive_stays_so_in_a_stored_document(stored, as_who):
    somebody, composition, document = stored(HIV)
    app = as_who(scope="patient/*.rs", patient=somebody["id"])
    assert app.get(name(document)).status_code == 404
    assert app.get(name(composition)).status_code == 200
    assert app.get(f"{name(composition)}/$document").status_code == 422
    given = app.bundle(f"{name(somebody)}/$everything")["entry"]
    assert names(*(one["resource"] for one in given)) == names(somebody, composition)


def test_what_a_patient_shuts_is_shut_everywhere(system, services, stored):
    somebody, composition, document = stored(concept("8310-5"))
    asked = (
        f"{name(somebody)}/$everything", f"{name(somebody)}/$summary",
        f"{name(composition)}/$document", name(document),
    )  # fmt: skip
    assert {system.get(one).status_code for one in asked} == {200}
    services.store.belonging.keep(name(somebody), ALL)
    try:
        assert {system.get(one).status_code for one in asked} == {404}
        query = f"patient={somebody['id']}&code=8310-5"
        assert system.bundle(f"Observation/$lastn?{query}")["total"] == 0
    finally:
        services.store.belonging.keep(name(somebody), ())
