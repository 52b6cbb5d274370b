"""The pieces of a record that is told, and what happens if it refers to too much.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html
"""

import json

import orjson
import pytest

from server import door
from server.access.policy import OPEN
from server.context import Context
from server.fhir.outcome import TooCostly
from server.interactions.call import Call
from server.interactions.urls import parameters
from server.operations import record, telling
from server.services import Interpreters, Services
from server.settings import Settings
from tests.builders import observation, patient

INSIDE, BESIDE = 7, 3


@pytest.fixture(scope="module")
def services(mongodb_url, database):
    settings = Settings(mongodb_url=mongodb_url, database=database.name, access="open")
    opened = Services.open(Interpreters.of(settings), bytes)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ask(services):
    """Return a function that asks for the record of a patient, as far as it comes at once."""
    context = Context.of(services, OPEN, "zh")

    def create(resource):
        body = orjson.dumps(resource)
        call = Call(interaction="create", type=resource["resourceType"], method="POST", body=body)
        made = json.loads(door.perform(context, call).body)
        return f"{made['resourceType']}/{made['id']}"

    somebody = create(patient())
    doctors = [create({"resourceType": "Practitioner"}) for _ in range(BESIDE)]
    for number in range(INSIDE - 1):
        performer = [{"reference": doctors[number % BESIDE]}]
        create(observation(subject={"reference": somebody}, performer=performer))

    def asked(query=""):
        id = somebody.partition("/")[2]
        call = Call(
            interaction="operation", type="Patient", id=id, operation="everything",
            query=parameters(query),
        )  # fmt: skip
        return door.begin(context, call)

    return asked


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
def test_whatever_the_pieces_the_whole_is_the_same(ask, monkeypatch, size):
    expected = ask()
    assert expected.rest is None
    monkeypatch.setattr(telling, "_MOST", size)
    begun = ask()
    assert (begun.rest is None) == (size >= INSIDE + BESIDE)
    assert len(begun.disclosed) == min(size, INSIDE + BESIDE)
    whole = begun.whole()
    assert json.loads(whole.body) == json.loads(expected.body)
    assert whole.disclosed == expected.disclosed


def test_a_piece_is_bounded_by_its_bytes_too(ask, monkeypatch):
    monkeypatch.setattr(telling, "_LARGEST", 1000)
    begun = ask()
    pieces = [len(one.disclosed) for one in begun.rest]
    assert len(begun.disclosed) < INSIDE
    assert max(pieces) < INSIDE
    assert sum(pieces) + len(begun.disclosed) == INSIDE + BESIDE
    assert pieces[-1] == 0, "the end tells of nothing"


@pytest.mark.parametrize("query", ["", "_type=Patient,Observation,Practitioner"])
def test_a_record_that_refers_to_too_much_ends_where_the_refusal_has_a_status(
    ask, monkeypatch, query
):
    """What was told cannot be taken back, so it is the next page that is refused."""
    monkeypatch.setattr(record, "_MOST_REFERRED", 1)
    bundle = json.loads(ask(query).whole().body)
    assert len(bundle["entry"]) == INSIDE
    assert "total" not in bundle
    (following,) = [one["url"] for one in bundle["link"] if one["relation"] == "next"]
    with pytest.raises(TooCostly):
        ask(following.partition("?")[2])
