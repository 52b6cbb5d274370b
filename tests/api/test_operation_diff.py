"""$diff: what changed, for people and for programs.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import pytest

from tests.api.client import refused
from tests.builders import fresh, observation, patient


def operations(answer):
    """Return the operations as dicts; a part with a value is that value."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "Parameters"
    found = []
    for one in body.get("parameter", ()):
        assert one["name"] == "operation"
        found.append({part["name"]: _value(part) for part in one["part"]})
    return found


def _value(part):
    return next(value for name, value in part.items() if name != "name")


@pytest.fixture
def stored(fhir):
    first = fhir.create(patient())
    second = {**first, "gender": "male", "birthDate": "1990-01-01"}
    second["name"] = [{"use": "official", "text": "陈甲丑", "family": "陈", "given": ["甲丑"]}]
    return fhir.update(second)


def test_the_last_change_is_told(fhir, stored):
    found = operations(fhir.get(f"Patient/{stored['id']}/$diff"))
    assert [(one["type"], one["path"]) for one in found] == [
        ("replace", "Patient.name[0].text"),
        ("replace", "Patient.name[0].given[0]"),
        ("replace", "Patient.gender"),
        ("insert", "Patient.birthDate"),
    ]
    assert found[2] == {
        "type": "replace", "path": "Patient.gender", "previousValue": "female", "value": "male",
        "text": "Patient.gender 由 female 改为 male",
    }  # fmt: skip


def test_it_is_told_in_the_language_of_the_caller(english, stored):
    found = operations(english.get(f"Patient/{stored['id']}/$diff"))
    assert found[3]["text"] == "Patient.birthDate added: 1990-01-01"


def test_any_two_versions_are_compared_in_any_order(fhir, stored):
    back = operations(fhir.get(f"Patient/{stored['id']}/$diff?from=2&to=1"))
    assert [(one["type"], one["path"]) for one in back][-1] == ("delete", "Patient.birthDate")
    assert operations(fhir.get(f"Patient/{stored['id']}/$diff?from=2&to=2")) == []
    fhir.update({**stored, "active": True})
    assert len(operations(fhir.get(f"Patient/{stored['id']}/$diff?from=1"))) == 5
    assert len(operations(fhir.get(f"Patient/{stored['id']}/$diff?to=2"))) == 4


def test_digits_are_what_is_told(fhir):
    first = fhir.create(observation())
    path = f"Observation/{first['id']}"
    body = fhir.get(path).text.replace('"value":36.5', '"value":36.50')
    assert fhir.put(path, body.encode()).status_code == 200
    answer = fhir.get(f"{path}/$diff")
    assert '"previousValue","valueDecimal":36.5}' in answer.text
    assert '"value","valueDecimal":36.50}' in answer.text


def test_two_given_resources_are_compared(fhir):
    rows = [
        {"name": name, "resource": patient(active=active)}
        for name, active in (("before", True), ("after", False))
    ]
    body = {"resourceType": "Parameters", "parameter": rows}
    (one,) = operations(fhir.post("Patient/$diff", body))
    assert (one["path"], one["previousValue"], one["value"]) == ("Patient.active", True, False)
    refused(fhir.post("Observation/$diff", body), 400)
    rows[0]["resource"] = {"resourceType": "Patient", "gender": "x"}
    refused(fhir.post("Patient/$diff", body), 422)
    refused(fhir.post("Patient/$diff", {**body, "parameter": rows[1:]}), 400)


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=9", 404), ("to=9", 404), ("from=0", 400), ("from=x", 400), ("from=1&from=2", 400)],
)
def test_a_version_that_is_not_there_is_refused(fhir, stored, query, status):
    refused(fhir.get(f"Patient/{stored['id']}/$diff?{query}"), status)


def test_what_has_no_two_versions_is_refused(fhir):
    first = fhir.create(patient())
    refused(fhir.get(f"Patient/{first['id']}/$diff"), 400)
    refused(fhir.get(f"Patient/{fresh()}/$diff"), 404)
    fhir.delete(f"Patient/{first['id']}")
    refused(fhir.get(f"Patient/{first['id']}/$diff"), 410)
    refused(fhir.get(f"Patient/{first['id']}/$diff?from=1&to=2"), 410)
    refused(fhir.get(f"Patient/{first['id']}/$diff?before=a"), 400)


def test_more_changes_than_anybody_reads_are_refused(fhir):
    before, after = (
        patient(name=[{"given": [f"{who}{n}" for n in range(10_001)]}]) for who in "ab"
    )
    given = [{"name": "before", "resource": before}, {"name": "after", "resource": after}]
    answer = fhir.post("Patient/$diff", {"resourceType": "Parameters", "parameter": given})
    assert refused(answer, 400)[0]["code"] == "too-costly"
