"""HL7's example Bundles and those of the demo region: each kind is dealt with as what it is.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

import json
import tarfile

import pytest

from server.demo.bundles import bundles
from server.demo.shapes import encoded
from tests.api.bundles import done, path, place, statuses
from tests.api.client import Client
from tests.conformance.test_structure_examples import INVALID

REQUESTS = ("batch", "transaction")
RESIDENTS = 5
# An example of which the server cannot do a part: it names what R4's text names, and says why.
REFUSED = {
    # It looks up a code, which takes a terminology service; with the whole of it nothing is done.
    "Bundle-bundle-transaction.json": "operation-unknown",
    # It asks for resources to be put on another server.
    "Bundle-ussg-fht.json": "url-unknown",
}


@pytest.fixture(scope="module")
def examples(r4_package):
    """The valid example Bundles by file name."""
    found = {}
    with tarfile.open(r4_package) as package:
        for member in package:
            name = member.name.removeprefix("package/")
            if name.startswith("Bundle-") and name not in INVALID and member.size < 10_000_000:
                found[name] = json.loads(package.extractfile(member).read())
    return found


@pytest.fixture
def client(server):
    """A client that asks for what it has written."""
    client = Client(server, {"Prefer": "return=representation"})
    yield client
    client.session.close()


def test_there_are_examples_of_all_kinds(examples):
    kinds = {one["type"] for one in examples.values()}
    assert kinds >= {"batch", "transaction", "collection", "document", "searchset", "message"}


def test_batches_and_transactions_are_done(client, examples):
    asked = {name: one for name, one in examples.items() if one["type"] in REQUESTS}
    assert len(asked) >= 5
    for name, one in asked.items():
        answer = client.post("", one)
        if name in REFUSED:
            coding = answer.json()["issue"][0]["details"]["coding"][0]
            assert (answer.status_code, coding["code"]) == (404, REFUSED[name])
            continue
        entries = done(answer, one["type"])
        assert len(entries) == len(one["entry"])
        for sent, answered in zip(one["entry"], entries, strict=True):
            # The batches of examples ask for a patient who is nobody here, by functional lists and
            # parameters that are not R4's, which is told entry by entry.
            good = (200, 201, 204) if one["type"] == "transaction" else (200, 400, 404)
            assert statuses([answered])[0] in good, (name, sent["request"], answered)


def test_a_transaction_that_is_partly_beyond_us_is_done_without_that_part(client, examples):
    example = examples["Bundle-bundle-transaction.json"]
    able = [one for one in example["entry"] if "$" not in one["request"]["url"]]
    known = [one for one in able if one["request"]["url"] != "Patient/12334"]
    rest = [one for one in known if "ifMatch" not in one["request"]]
    assert client.post("", {**example, "entry": able}).status_code == 404, "it reads nobody"
    answer = client.post("", {**example, "entry": known})
    assert answer.status_code == 412, "it updates a version that is not there"
    entries = done(client.post("", {**example, "entry": rest}))
    expected = {"POST": (201, 200), "PUT": (201, 200), "DELETE": (204,), "GET": (200,)}
    for sent, answered in zip(rest, entries, strict=True):
        assert statuses([answered])[0] in expected[sent["request"]["method"]]


def test_other_bundles_are_stored_as_resources_and_not_done(client, examples):
    others = [one for one in examples.values() if one["type"] not in REQUESTS]
    for one in others:
        assert client.post("", one).status_code == 422
        stored = client.post("Bundle", one)
        assert stored.status_code == 201, stored.text[:300]
        assert stored.json()["entry"] == one["entry"]


def test_the_demo_region_can_be_pushed_twice(client):
    region = [encoded(one) for one in bundles(RESIDENTS, 7)]
    first = [done(client.post("", one)) for one in region]
    assert {code for one in first for code in statuses(one)} <= {200, 201}
    second = [done(client.post("", one)) for one in region]
    people = [(one[0], two[0]) for one, two in zip(first, second, strict=True)][-RESIDENTS:]
    assert all(path(one) == path(two) for one, two in people)
    assert all(statuses([two]) == [200] and place(two)[2] == 1 for _, two in people)


def test_links_of_the_demo_region_point_at_what_is_there(client):
    *_, record = [done(client.post("", encoded(one))) for one in bundles(1, 8)]
    person = path(record[0])
    about = [one["resource"] for one in record if "subject" in one["resource"]]
    assert {one["subject"]["reference"] for one in about} == {person}
    told = json.dumps(record)
    assert "urn:uuid" not in told
    assert "?identifier" not in told
