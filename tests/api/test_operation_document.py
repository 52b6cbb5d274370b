"""$document: the document of a Composition, whole or not at all.

Spec: https://hl7.org/fhir/R4/composition-operation-document.html,
https://hl7.org/fhir/R4/documents.html, https://hl7.org/fhir/R4/bundle.html
"""

from datetime import datetime
from types import SimpleNamespace

import pytest

from tests.api import records
from tests.api.client import Client, refused
from tests.api.records import concept, name, names, ref
from tests.builders import fresh, observation, patient


def composition(record, **elements):
    """Return a Composition of the record."""
    return {
        "resourceType": "Composition",
        "status": "final",
        "type": concept("34133-9"),
        "subject": ref(record.patient),
        "date": "2024-05-11T08:00:00+08:00",
        "author": [ref(record.doctor)],
        "title": "病历摘要",
        **elements,
    }


@pytest.fixture(scope="module")
def record(server):
    fhir = Client(server)
    made = records.stored(fhir)
    made.earlier = fhir.create(composition(made))
    made.composition = fhir.create(
        composition(
            made,
            encounter=ref(made.visits[1]),
            custodian=ref(made.unit),
            attester=[{"mode": "legal", "party": ref(made.nurse)}],
            relatesTo=[{"code": "replaces", "targetReference": ref(made.earlier)}],
            section=[
                {"title": "检查", "entry": [ref(one) for one in (*made.measured[3:], made.report)]},
                {
                    "title": "用药",
                    "author": [ref(made.doctor)],
                    "section": [{"title": "处方", "entry": [ref(made.order)]}],
                },
            ],
        )
    )
    # What these refer to, and what that refers to, as can be read in `records`.
    made.whole = [
        made.composition, made.patient, *made.visits, made.unit, made.nurse, made.doctor,
        *made.measured[:2], *made.measured[3:], made.report, made.order, made.drug, made.ward,
    ]  # fmt: skip
    yield SimpleNamespace(**vars(made), document=f"{name(made.composition)}/$document")
    fhir.session.close()


def contents(bundle):
    return sorted(name(entry["resource"]) for entry in bundle["entry"])


def test_a_document_has_all_that_its_composition_refers_to(fhir, record):
    assert contents(fhir.bundle(record.document)) == names(*record.whole)


def test_a_document_is_a_proper_one(fhir, record):
    """https://hl7.org/fhir/R4/bundle.html, invariants bdl-1 to bdl-12."""
    bundle = fhir.bundle(record.document)
    assert bundle["type"] == "document"
    assert bundle["identifier"]["system"] == "urn:ietf:rfc:3986"
    assert bundle["identifier"]["value"].startswith("urn:uuid:")
    assert datetime.fromisoformat(bundle["timestamp"]).tzinfo
    assert bundle["entry"][0]["resource"] == record.composition
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(bundle["entry"])
    for entry in bundle["entry"]:
        assert set(entry) == {"fullUrl", "resource"}
        assert entry["fullUrl"] == f"{fhir.base}/{name(entry['resource'])}"
        assert entry["resource"] == fhir.read(*name(entry["resource"]).split("/"))
    assert not {"total", "link", "id"} & bundle.keys()


def test_each_document_has_an_identifier_of_its_own(fhir, record):
    numbers = {fhir.bundle(record.document)["identifier"]["value"] for _ in range(3)}
    assert len(numbers) == 3


def test_a_document_is_stored_if_that_is_asked_for(fhir, record):
    answer = fhir.post(f"{record.document}?persist=true", b"", Content_Type="")
    assert answer.status_code == 200, answer.text
    stored = answer.json()
    assert answer.headers["Location"] == f"{fhir.base}/Bundle/{stored['id']}"
    assert fhir.read("Bundle", stored["id"]) == stored
    assert contents(stored) == names(*record.whole)
    found = fhir.ids(f"Bundle?composition={record.composition['id']}")
    assert stored["id"] in found


def test_by_get_nothing_is_stored(fhir, record):
    before = fhir.bundle("Bundle?_summary=count")["total"]
    assert refused(fhir.get(f"{record.document}?persist=true"), 405)
    fhir.bundle(record.document)
    fhir.bundle(f"{record.document}?persist=false")
    assert fhir.bundle("Bundle?_summary=count")["total"] == before


def test_the_composition_can_be_named_by_a_parameter(fhir, record):
    own = record.composition["id"]
    for given in (own, f"Composition/{own}", f"{fhir.base}/Composition/{own}"):
        assert contents(fhir.bundle(f"Composition/$document?id={given}")) == names(*record.whole)
    asked = {"resourceType": "Parameters", "parameter": [{"name": "id", "valueUri": own}]}
    answer = fhir.post("Composition/$document", asked)
    assert contents(answer.json()) == names(*record.whole)


def test_what_is_not_here_is_named_and_there_is_no_document(fhir, record):
    gone = fhir.create(observation(subject=ref(record.patient)))
    elsewhere = "https://elsewhere.example/fhir/Observation/1"
    made = fhir.create(
        composition(
            record,
            section=[
                {"entry": [ref(gone), {"reference": elsewhere}, ref(record.report)]},
                {"entry": [{"reference": "Observation/never"}, {"display": "口述"}]},
            ],
        )
    )
    fhir.delete(name(gone))
    answer = fhir.get(f"{name(made)}/$document")
    said = " ".join(issue["details"]["text"] for issue in refused(answer, 422))
    for missing in (name(gone), elsewhere, "Observation/never"):
        assert missing in said
    assert name(record.report) not in said


def test_what_it_contains_is_at_hand(fhir, record):
    doctor = {"resourceType": "Practitioner", "id": "p", "name": [{"text": "医生丙"}]}
    made = fhir.create(composition(record, contained=[doctor], author=[{"reference": "#p"}]))
    assert contents(fhir.bundle(f"{name(made)}/$document")) == names(
        made, record.patient, record.unit
    )


def test_what_is_referred_to_in_a_circle_comes_once(fhir, record):
    one = fhir.create(observation(subject=ref(record.patient)))
    other = fhir.create(observation(subject=ref(record.patient), hasMember=[ref(one)]))
    fhir.update({**one, "hasMember": [ref(other)]})
    made = fhir.create(composition(record, section=[{"entry": [ref(one), ref(one)]}]))
    assert contents(fhir.bundle(f"{name(made)}/$document")) == names(
        made, record.patient, record.unit, record.doctor, one, other
    )


def test_another_record_is_not_followed_but_where_the_composition_leads(fhir, record):
    somebody = fhir.create(patient())
    hers = fhir.create(observation(subject=ref(somebody), derivedFrom=[ref(record.of_mother)]))
    made = fhir.create(
        composition(record, author=[ref(record.patient)], section=[{"entry": [ref(hers)]}])
    )
    assert contents(fhir.bundle(f"{name(made)}/$document")) == names(
        made, record.patient, record.unit, hers
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("{own}?graph=http://example.org/graph", 400), ("{own}?persist=perhaps", 400),
        ("{own}?id=x", 400), ("{own}?x=y", 400), ("Composition/$document", 400),
        ("Composition/$document?id=", 400), ("Composition/$document?id=a b", 400),
        ("Composition/$document?id=https://elsewhere.example/fhir/Composition/1", 400),
        ("Composition/$document?id=Patient/x", 400), ("Composition/never/$document", 404),
        ("Composition/$document?id=never", 404), ("Patient/x/$document", 404),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(fhir, record, path, status):
    refused(fhir.get(path.format(own=record.document)), status)


def test_a_deleted_composition_has_no_document(fhir, record):
    made = fhir.create(composition(record, identifier={"value": fresh()}))
    fhir.delete(name(made))
    refused(fhir.get(f"{name(made)}/$document"), 410)
