"""What comes back from a write.

Spec: https://hl7.org/fhir/R4/http.html#ops
"""

import pytest

from tests.api.client import etag, refused
from tests.builders import fresh, patient


def writes(fhir, prefer):
    """Yield the answers to a create, an update-as-create and an update."""
    yield fhir.post("Patient", patient(), Prefer=prefer)
    id = fresh()
    yield fhir.put(f"Patient/{id}", patient(id=id), Prefer=prefer)
    yield fhir.put(f"Patient/{id}", patient(id=id, active=True), Prefer=prefer)


@pytest.mark.parametrize(
    ("prefer", "type"),
    [
        ("return=minimal", None),
        ("return=representation", "Patient"),
        ("return=OperationOutcome", "OperationOutcome"),
        ('return="minimal"', None),
        ("respond-async-maybe, return=minimal", None),
        ("something-else", "Patient"),
    ],
)
def test_return(fhir, prefer, type):
    answers = list(writes(fhir, prefer))
    assert [answer.status_code for answer in answers] == [201, 201, 200]
    assert [etag(answer) for answer in answers] == ['W/"1"', 'W/"1"', 'W/"2"']
    for answer in answers:
        assert "Last-Modified" in answer.headers
        if type is None:
            assert not answer.content
        else:
            assert answer.json()["resourceType"] == type
    assert all("Location" in answer.headers for answer in answers[:2])


def test_a_minimal_answer_has_stored_the_resource(fhir):
    answer = fhir.post("Patient", patient(gender="other"), Prefer="return=minimal")
    path = answer.headers["Location"].removeprefix(f"{fhir.base}/")
    assert fhir.get(path).json()["gender"] == "other"


def test_an_outcome_of_a_write_has_no_error(fhir):
    answer = fhir.post("Patient", patient(), Prefer="return=OperationOutcome")
    severities = {issue["severity"] for issue in answer.json()["issue"]}
    assert severities <= {"information", "warning"}


def test_a_refusal_is_an_outcome_whatever_is_preferred(fhir):
    for prefer in ("return=minimal", "return=representation", "return=OperationOutcome"):
        refused(fhir.post("Patient", patient(gender="lady"), Prefer=prefer), 422)
