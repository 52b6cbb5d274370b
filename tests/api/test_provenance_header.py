"""Where what is written comes from, told with the write itself.

Spec: https://hl7.org/fhir/R4/provenance.html#header
"""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.bundles import batch, created, done, entry, put, transaction
from tests.api.client import refused
from tests.builders import TEST, fresh, identifier, observation, patient


@pytest.fixture
def told():
    """Return a function that gives the header of a Provenance by an agent of its own."""
    name = f"系统 {fresh()}"

    def tell(**elements):
        agent = {"who": {"display": name}}
        said = {"resourceType": "Provenance", "recorded": "2025-03-01T08:30:00+08:00"}
        said |= {"agent": [agent], **elements}
        return json.dumps(said, ensure_ascii=False).encode()

    tell.name = name
    return tell


@pytest.fixture
def found(fhir, told):
    """Return a function that gives the targets of each Provenance with that agent."""

    def targets():
        bundle = fhir.bundle("Provenance?_sort=-_lastUpdated&_count=50")
        resources = [one["resource"] for one in bundle.get("entry", ())]
        mine = [one for one in resources if one["agent"][0]["who"].get("display") == told.name]
        return [[target["reference"] for target in one["target"]] for one in reversed(mine)]

    return targets


def versioned(answer):
    resource = answer.json()
    return f"{resource['resourceType']}/{resource['id']}/_history/{resource['meta']['versionId']}"


def test_what_is_created_updated_and_deleted_has_its_provenance(fhir, told, found):
    made = fhir.post("Patient", patient(), X_Provenance=told())
    assert made.status_code == 201
    assert made.headers["Location"] == f"{fhir.base}/{versioned(made)}"
    path = f"Patient/{made.json()['id']}"
    changed = fhir.put(path, {**made.json(), "gender": "male"}, X_Provenance=told())
    assert (changed.status_code, versioned(changed)) == (200, f"{path}/_history/2")
    assert fhir.delete(path, X_Provenance=told()).status_code == 204
    assert found() == [[f"{path}/_history/{number}"] for number in (1, 2, 3)]
    assert len(fhir.ids(f"Provenance?target={path}")) == 3
    assert fhir.ids(f"Provenance?patient={path}") == fhir.ids(f"Provenance?target={path}")


def test_a_provenance_is_kept_as_it_was_sent(fhir, told):
    given = {"id": "given", "meta": {"source": "urn:test:a"}, "signature": []}
    extension = [{"url": "urn:test:a", "valueDecimal": 0}]
    del given["signature"]
    sent = told(extension=extension, **given).replace(b'"valueDecimal": 0', b'"valueDecimal": 1.50')
    made = fhir.post("Observation", observation(), X_Provenance=sent)
    (id,) = fhir.ids(f"Provenance?target=Observation/{made.json()['id']}")
    assert id != "given"
    text = fhir.get(f"Provenance/{id}").text
    assert '"valueDecimal":1.50' in text
    assert '"source":"urn:test:a"' in text
    assert told.name in text


def test_what_writes_nothing_tells_nothing(fhir, told, found):
    value = fresh()
    body = patient(identifier=[identifier(value)])
    stored = fhir.create(body)
    criteria = f"identifier={TEST}|{value}"
    hit = fhir.post("Patient", body, If_None_Exist=criteria, X_Provenance=told())
    assert (hit.status_code, hit.json()) == (200, stored)
    same = fhir.put(f"Patient/{stored['id']}", stored, X_Provenance=told())
    assert (same.status_code, same.json()) == (200, stored)
    assert fhir.delete(f"Patient/{fresh()}", X_Provenance=told()).status_code == 204
    refused(fhir.put(f"Patient/{stored['id']}", body | {"id": stored["id"]}, If_Match='W/"7"',
                     X_Provenance=told()), 412)  # fmt: skip
    assert found() == []


def test_what_is_patched_has_its_provenance(fhir, told, found):
    value = fresh()
    stored = fhir.create(patient(identifier=[identifier(value)]))
    sent = json.dumps([{"op": "replace", "path": "/gender", "value": "male"}]).encode()
    kind = {"Content_Type": "application/json-patch+json", "X_Provenance": told()}
    for path in (f"Patient/{stored['id']}", f"Patient?identifier={TEST}|{value}"):
        answer = fhir.request("PATCH", path, sent, **kind)
        assert (answer.status_code, answer.json()["gender"]) == (200, "male")
    # The second one changes nothing.
    assert found() == [[f"Patient/{stored['id']}/_history/2"]]


def test_conditional_writes_have_their_provenance_too(fhir, told, found):
    value = fresh()
    body = patient(identifier=[identifier(value)])
    criteria = f"identifier={TEST}|{value}"
    made = fhir.post("Patient", body, If_None_Exist=criteria, X_Provenance=told())
    changed = fhir.put(f"Patient?{criteria}", {**body, "gender": "male"}, X_Provenance=told())
    assert [made.status_code, changed.status_code] == [201, 200]
    assert fhir.delete(f"Patient?{criteria}", X_Provenance=told()).status_code == 204
    path = f"Patient/{made.json()['id']}"
    assert found() == [[f"{path}/_history/{number}"] for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"resourceType":"Patient"}', 400),
        (b'{"resourceType":"Provenance","recorded":"\xff"}', 400),
        (b'{"resourceType":"Provenance"}, {"resourceType":"Provenance"}', 400),
        (b'{"resourceType":"Provenance","target":[{"reference":"Patient/a"}]}', 400),
        (b'{"resourceType":"Provenance"}', 422),
        (b'{"resourceType":"Provenance","recorded":"today","agent":[{"who":{}}]}', 422),
        (b'{"resourceType":"Provenance","recorded":"' + b"2" * 9000 + b'"}', 431),
    ],
)  # fmt: skip
def test_without_a_whole_provenance_nothing_is_written(fhir, sent, status):
    id = fresh()
    refused(fhir.put(f"Patient/{id}", patient(id=id), X_Provenance=sent), status)
    refused(fhir.get(f"Patient/{id}"), 404)


def test_what_is_refused_leaves_no_provenance(fhir, told, found):
    refused(fhir.post("Patient", {"resourceType": "Patient", "x": 1}, X_Provenance=told()), 422)
    refused(fhir.post("Patient", b"{", X_Provenance=told()), 400)
    assert found() == []


def test_a_header_changes_nothing_of_what_may_be_written(fhir, told):
    links = {"subject": {"reference": f"urn:uuid:{'0' * 8}-0000-4000-8000-{'0' * 12}"}}
    for more in ({}, {"X_Provenance": told()}):
        answer = fhir.post("Observation", observation(**links), **more)
        assert answer.json()["subject"] == links["subject"]
        answer = fhir.put("Patient?_id=a..b", {"resourceType": "Patient", "id": "a..b"}, **more)
        refused(answer, 400, 422)
        answer = fhir.post("Patient", patient(), Prefer="return=minimal", **more)
        assert (answer.status_code, answer.content) == (201, b"")
        answer = fhir.put("Patient/a", patient(id="b"), **more)
        (issue,) = refused(answer, 400)
        assert issue["expression"] == ["id"]


def test_content_of_a_binary_has_its_provenance(fhir, told, found):
    content = b'{"resourceType":"Patient","link":[{"reference":"urn:uuid:a"}]}'
    made = fhir.post("Binary", content, X_Provenance=told())
    assert made.status_code == 201, made.text
    assert fhir.get(f"Binary/{made.json()['id']}", Accept="*/*").content == content
    assert found() == [[versioned(made)]]


def test_a_transaction_has_one_provenance_of_all_that_it_wrote(fhir, told, found):
    kept, changed, gone = (fhir.create(patient()) for _ in range(3))
    sent = transaction(
        put(kept),
        put({**changed, "gender": "male"}),
        entry("DELETE", f"Patient/{gone['id']}"),
        created(observation()),
        entry("GET", f"Patient/{kept['id']}"),
    )
    entries = done(fhir.post("", sent, X_Provenance=told()))
    made = entries[3]["response"]["location"].removeprefix(f"{fhir.base}/")
    (targets,) = found()
    assert sorted(targets) == sorted(
        [f"Patient/{changed['id']}/_history/2", f"Patient/{gone['id']}/_history/2", made]
    )


def test_a_transaction_that_fails_leaves_no_provenance(fhir, told, found):
    sent = transaction(created(patient()), put(patient(id="a"), ifMatch='W/"99"'))
    refused(fhir.post("", sent, X_Provenance=told()), 412)
    refused(fhir.post("", transaction(created(patient())), X_Provenance=b"{"), 400)
    assert found() == []


def test_a_large_transaction_has_a_large_provenance(fhir, told, found):
    sent = transaction(*(created(observation()) for _ in range(1000)))
    done(fhir.post("", sent, X_Provenance=told()))
    (targets,) = found()
    assert len(set(targets)) == 1000


def test_a_batch_and_operations_cannot_tell(fhir, told):
    refused(fhir.post("", batch(created(patient())), X_Provenance=told()), 400)


def test_who_only_reads_need_not_tell(fhir):
    assert fhir.get("Patient?_count=1", X_Provenance=b"{").status_code == 200


def test_of_many_writers_each_version_has_one_provenance(fhir, told, found):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"

    def write(number):
        body = {**stored, "multipleBirthInteger": number}
        return fhir.put(path, body, X_Provenance=told()).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(write, range(1, 13)))
    assert set(statuses) <= {200, 409}
    versions = range(2, statuses.count(200) + 2)
    assert sorted(found()) == sorted([f"{path}/_history/{number}"] for number in versions)
