"""$validate tells all that is wrong, and what the server would do.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

import pytest

from tests.api.client import refused
from tests.builders import fresh, observation, patient

BASE = "http://hl7.org/fhir/StructureDefinition"
DETACHED = {"contact": [{"gender": "male"}]}


def parameters(resource=None, **values):
    rows = [] if resource is None else [{"name": "resource", "resource": resource}]
    rows += [{"name": name, "valueCode": value} for name, value in values.items() if name == "mode"]
    rows += [
        {"name": name, "valueCanonical": value} for name, value in values.items() if name != "mode"
    ]
    return {"resourceType": "Parameters", "parameter": rows}


@pytest.fixture
def issues(fhir):
    """Return a function that posts to a URL and gives (severity, message, expression) rows."""

    def found(path, body):
        answer = fhir.post(path, body) if body is not None else fhir.get(path)
        assert answer.status_code == 200, answer.text
        outcome = answer.json()
        assert outcome["resourceType"] == "OperationOutcome"
        return [
            (one["severity"], one["details"]["coding"][0]["code"], *one.get("expression", ["-"]))
            for one in outcome["issue"]
        ]

    return found


def errors(rows):
    return [(message, place) for severity, message, place in rows if severity == "error"]


def test_a_good_resource_is_told_to_be_good(issues):
    rows = issues("Patient/$validate", patient())
    assert rows[0] == ("information", "validate-good", "-")
    assert errors(rows) == []


def test_it_comes_as_it_is_or_in_parameters(issues):
    assert errors(issues("Patient/$validate", parameters(patient()))) == []


def test_every_fault_of_structure_is_told_with_its_place(issues):
    broken = patient(gender="x", birthDate="2020-13-01", nonsense=1, name={"text": "a"})
    places = {place for _, place in errors(issues("Patient/$validate", broken))}
    assert places == {"Patient.gender", "Patient.birthDate", "Patient.nonsense", "Patient.name"}


def test_invariants_are_told_with_their_place(issues):
    rows = errors(issues("Patient/$validate", patient(**DETACHED)))
    assert rows == [("invariant-broken", "Patient.contact[0]")]


def test_what_is_only_advised_is_a_warning(issues):
    rows = issues("Patient/$validate", patient())
    assert ("warning", "invariant-advice", "Patient") in rows


@pytest.mark.parametrize(
    "body", [{}, {"resourceType": "Nonsense"}, {"id": "a"}, {"resourceType": 1}]
)
def test_what_is_no_resource_is_told(issues, body):
    assert errors(issues("Patient/$validate", body))


def test_a_resource_of_another_type_is_told(issues):
    rows = errors(issues("Patient/$validate", observation()))
    assert rows == [("type-differs", "resourceType")]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a":1,"a":2}'])
def test_what_is_no_json_is_refused(fhir, body):
    refused(fhir.post("Patient/$validate", body), 400)


def test_nothing_to_validate_is_refused(fhir):
    refused(fhir.get("Patient/$validate"), 400)
    refused(fhir.post("Patient/$validate", parameters(mode="create")), 400)


def test_an_unknown_mode_is_refused(fhir):
    refused(fhir.post("Patient/$validate", parameters(patient(), mode="guess")), 400)


def test_a_stored_resource_is_validated_by_get(fhir, issues):
    stored = fhir.create(patient(**DETACHED))
    rows = errors(issues(f"Patient/{stored['id']}/$validate", None))
    assert rows == [("invariant-broken", "Patient.contact[0]")]
    refused(fhir.get(f"Patient/{fresh()}/$validate"), 404)


def test_nothing_is_stored(fhir, issues):
    value = fresh()
    issues("Patient/$validate?mode=create", patient(identifier=[{"value": value}]))
    assert fhir.ids(f"Patient?identifier={value}") == []


@pytest.mark.parametrize("url", [f"{BASE}/Patient", f"{BASE}/Patient|4.0.1", f"{BASE}/Resource"])
def test_the_profiles_of_r4_are_known(issues, url):
    assert errors(issues("Patient/$validate", parameters(patient(), profile=url))) == []


def test_a_profile_of_another_type_is_a_fault(issues):
    rows = errors(issues(f"Patient/$validate?profile={BASE}/Observation", patient()))
    assert rows == [("profile-of-other-type", "Patient")]


@pytest.mark.parametrize("url", ["http://a.example/b", f"{BASE}/Patient|3.0.2"])
def test_a_profile_that_is_asked_for_and_unknown_is_a_fault(issues, url):
    rows = errors(issues("Patient/$validate", parameters(patient(), profile=url)))
    assert rows == [("profile-unknown", "-")]


def test_a_profile_that_is_claimed_and_unknown_is_a_warning(issues):
    claiming = patient(meta={"profile": [f"{BASE}/Patient", "http://a.example/b"]})
    rows = issues("Patient/$validate", claiming)
    assert ("warning", "profile-not-checked", "Patient.meta.profile[1]") in rows
    assert errors(rows) == []


def test_the_mode_profile_needs_one(fhir, issues):
    stored = fhir.create(patient())
    refused(fhir.get(f"Patient/{stored['id']}/$validate?mode=profile"), 400)
    path = f"Patient/{stored['id']}/$validate?mode=profile&profile={BASE}/Patient"
    assert errors(issues(path, None)) == []


def test_an_update_has_the_id_of_its_url(fhir, issues):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}/$validate"
    assert errors(issues(path, parameters(stored, mode="update"))) == []
    other = parameters({**stored, "id": fresh()}, mode="update")
    assert errors(issues(path, other)) == [("id-differs", "id")]
    nameless = parameters(patient(), mode="update")
    assert errors(issues("Patient/$validate", nameless)) == [("id-differs", "id")]


def test_a_write_that_only_the_server_may_do_is_told(issues):
    parameter = {
        "resourceType": "SearchParameter", "id": "pinyin", "url": "urn:a", "name": "A",
        "status": "draft", "description": "a", "code": "a", "base": ["Patient"], "type": "token",
    }  # fmt: skip
    rows = errors(issues("SearchParameter/$validate", parameters(parameter, mode="update")))
    assert [message for message, _ in rows] == ["definition-shipped"]
    rows = errors(issues("SearchParameter/pinyin/$validate?mode=delete", None))
    assert [message for message, _ in rows] == ["definition-shipped"]
    event = parameters({"resourceType": "AuditEvent"}, mode="create")
    assert errors(issues("AuditEvent/$validate", event))


def test_a_deletion_is_told_to_be_possible_and_not_done(fhir, issues):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}/$validate?mode=delete"
    assert issues(path, None) == [("information", "validate-good", "-")]
    assert fhir.read("Patient", stored["id"]) == stored
    fhir.delete(f"Patient/{stored['id']}")
    rows = issues(path, None)
    assert ("information", "nothing-to-delete", "-") in rows
    refused(fhir.get("Patient/$validate?mode=delete"), 400)


def test_it_is_said_in_the_language_of_the_caller(english):
    answer = english.post("Patient/$validate", patient(**DETACHED))
    texts = [one["details"]["text"] for one in answer.json()["issue"]]
    assert any("pat-1" in one and "does not hold" in one for one in texts)


def test_xml_is_validated_as_well(fhir):
    body = (
        '<Patient xmlns="http://hl7.org/fhir"><contact><gender value="male"/></contact></Patient>'
    )
    answer = fhir.post("Patient/$validate", body.encode(), Content_Type="application/fhir+xml")
    assert answer.status_code == 200
    (fault,) = [one for one in answer.json()["issue"] if one["severity"] == "error"]
    assert fault["expression"] == ["Patient.contact[0]"]


def test_xml_that_has_no_meaning_is_refused_with_its_faults(fhir):
    body = b'<Patient xmlns="http://hl7.org/fhir"><nonsense value="a"/></Patient>'
    answer = fhir.post("Patient/$validate", body, Content_Type="application/fhir+xml")
    (issue,) = refused(answer, 422)
    assert issue["expression"] == ["Patient.nonsense"]
