"""What a write has to conform to, and what is said of what is taken none the less.

Spec: https://hl7.org/fhir/R4/validation.html, https://hl7.org/fhir/R4/profiling.html
"""

import json
import secrets
import time

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient

R4 = "http://hl7.org/fhir/StructureDefinition/"
WEIGHT = {"system": "http://loinc.org", "code": "29463-7"}
VITAL = {"system": "http://terminology.hl7.org/CodeSystem/observation-category",
         "code": "vital-signs"}  # fmt: skip


def weight(**more):
    """Return an Observation that conforms to R4's profile of body weight."""
    return {
        "resourceType": "Observation",
        "meta": {"profile": [R4 + "bodyweight"]},
        "status": "final",
        "category": [{"coding": [VITAL]}],
        "code": {"coding": [WEIGHT]},
        "subject": {"display": "a"},
        "effectiveDateTime": "2026-01-01",
        "valueQuantity": {
            "value": 60.50,
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        },
        **more,
    }


def without(name):
    return {key: value for key, value in weight().items() if key != name}


@pytest.fixture
def named(fhir):
    """Return a function that stores a profile of Patient whose elements it is given; its URL."""

    def store(*rows, **more):
        url = f"http://a.example/StructureDefinition/{secrets.token_hex(6)}"
        definition = {
            "resourceType": "StructureDefinition",
            "url": url,
            "name": "Named",
            "status": "active",
            "kind": "resource",
            "abstract": False,
            "type": "Patient",
            "baseDefinition": R4 + "Patient",
            "derivation": "constraint",
            "differential": {"element": [{"path": "Patient"}, *rows]},
            **more,
        }
        return url, fhir.post("StructureDefinition", definition)

    return store


NAME = {"path": "Patient.name", "min": 1}


def claiming(url, **more):
    return patient(meta={"profile": [url]}, **more)


def messages(answer):
    return [one["details"]["coding"][0]["code"] for one in answer.json()["issue"]]


def until(status, ask):
    """Ask until the answer has this status, for at most five seconds; return it."""
    for _ in range(25):
        answer = ask()
        if answer.status_code == status:
            break
        time.sleep(0.2)
    assert answer.status_code == status, answer.text
    return answer


def test_what_is_claimed_and_fulfilled_is_stored_as_it_came(fhir):
    stored = fhir.post("Observation", json.dumps(weight()).replace("60.5", "60.50").encode())
    assert stored.status_code == 201
    assert b"60.50" in stored.content


@pytest.mark.parametrize(
    ("name", "message", "place"),
    [
        ("category", "profile-slice-min", "Observation.category"),
        ("effectiveDateTime", "profile-min", "Observation.effective"),
        ("subject", "profile-min", "Observation.subject"),
    ],
)
def test_what_is_claimed_and_not_fulfilled_is_refused(fhir, name, message, place):
    issues = refused(fhir.post("Observation", without(name)), 422)
    assert (message, place) in [
        (one["details"]["coding"][0]["code"], one["expression"][0]) for one in issues
    ]


def test_the_fault_names_the_profile_in_the_callers_language(fhir):
    for language, word in (("zh", "规范"), ("en", "profile")):
        answer = fhir.post("Observation", without("subject"), **{"Accept-Language": language})
        texts = [one["details"]["text"] for one in answer.json()["issue"]]
        assert any((word in text and R4 + "vitalsigns" in text) or R4 in text for text in texts)


def test_an_update_is_checked_as_a_create_is(fhir):
    stored = fhir.create(weight())
    stored.pop("subject")
    refused(fhir.put(f"Observation/{stored['id']}", stored), 422)
    assert fhir.read("Observation", stored["id"])["subject"] == {"display": "a"}


def test_a_patch_is_checked_as_an_update_is(fhir):
    stored = fhir.create(weight())
    path = f"Observation/{stored['id']}"
    patch = [{"op": "remove", "path": "/subject"}]
    answer = fhir.request(
        "PATCH", path, json.dumps(patch).encode(), **{"Content-Type": "application/json-patch+json"}
    )
    refused(answer, 422)
    assert fhir.read("Observation", stored["id"])["meta"]["versionId"] == "1"


def test_a_profile_that_is_added_to_meta_has_to_be_fulfilled(fhir):
    bare = {key: value for key, value in without("subject").items() if key != "meta"}
    stored = fhir.create(bare)
    meta = {"name": "meta", "valueMeta": {"profile": [R4 + "bodyweight"]}}
    parameters = {"resourceType": "Parameters", "parameter": [meta]}
    refused(fhir.post(f"Observation/{stored['id']}/$meta-add", parameters), 422)
    assert "profile" not in fhir.read("Observation", stored["id"])["meta"]


def bundle(type, *resources):
    request = {"method": "POST", "url": "Observation"}
    return {
        "resourceType": "Bundle",
        "type": type,
        "entry": [{"resource": one, "request": request} for one in resources],
    }


def test_a_transaction_with_one_that_does_not_conform_stores_nothing(fhir):
    mark = fresh()
    identifier = [{"system": "urn:mark", "value": mark}]
    both = [one | {"identifier": identifier} for one in (weight(), without("subject"))]
    issues = refused(fhir.post("", bundle("transaction", *both)), 422)
    assert issues[0]["expression"] == ["Bundle.entry[1].resource.subject"]
    assert fhir.ids(f"Observation?identifier=urn:mark|{mark}") == []


def test_a_batch_refuses_the_entry_that_does_not_conform(fhir):
    answer = fhir.post("", bundle("batch", weight(), without("subject")))
    statuses = [one["response"]["status"][:3] for one in answer.json()["entry"]]
    assert statuses == ["201", "422"]


def test_an_unknown_profile_is_stored_and_warned_of_if_asked(fhir):
    resource = claiming("http://a.example/StructureDefinition/unknown")
    assert fhir.post("Patient", resource).json()["resourceType"] == "Patient"
    answer = fhir.post("Patient", resource, Prefer="return=OperationOutcome")
    assert answer.status_code == 201
    assert messages(answer) == ["resource-created", "profile-not-checked"]


def test_warnings_are_in_the_answers_of_a_bundle_if_asked(fhir):
    resource = claiming("http://a.example/StructureDefinition/unknown")
    entry = {"resource": resource, "request": {"method": "POST", "url": "Patient"}}
    whole = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    answer = fhir.post("", whole, Prefer="return=OperationOutcome").json()
    outcome = answer["entry"][0]["response"]["outcome"]
    codes = [one["details"]["coding"][0]["code"] for one in outcome["issue"]]
    assert codes == ["resource-created", "profile-not-checked"]
    plain = fhir.post("", whole).json()
    assert "outcome" not in plain["entry"][0]["response"]


def test_invariants_of_r4_hold_of_what_claims_a_profile(fhir):
    contact = [{"gender": "male"}]
    assert fhir.post("Patient", patient(contact=contact)).status_code == 201
    issues = refused(fhir.post("Patient", claiming(R4 + "Patient", contact=contact)), 422)
    assert issues[0]["details"]["coding"][0]["code"] == "invariant-broken"


def test_a_stored_profile_is_in_force_within_seconds(fhir, named):
    url, answer = named(NAME)
    assert answer.status_code == 201
    bad = claiming(url, name=[])
    bad.pop("name")
    for _ in range(4):  # whichever process answers
        until(422, lambda: fhir.post("Patient", bad))
    assert fhir.post("Patient", claiming(url, name=[{"text": "a"}])).status_code == 201
    told = fhir.post(f"Patient/$validate?profile={url}", patient(name=[{"text": "a"}]))
    assert "profile-unknown" not in messages(told)


def test_a_changed_profile_is_in_force_as_it_is_now(fhir, named):
    url, answer = named(NAME)
    stored = answer.json()
    bad = {key: value for key, value in claiming(url).items() if key != "name"}
    until(422, lambda: fhir.post("Patient", bad))
    stored["differential"]["element"][1] = {"path": "Patient.gender", "max": "1"}
    assert fhir.put(f"StructureDefinition/{stored['id']}", stored).status_code == 200
    until(201, lambda: fhir.post("Patient", bad))


def test_a_deleted_profile_is_in_force_no_more(fhir, named):
    url, answer = named(NAME)
    bad = {key: value for key, value in claiming(url).items() if key != "name"}
    until(422, lambda: fhir.post("Patient", bad))
    fhir.delete(f"StructureDefinition/{answer.json()['id']}")
    until(201, lambda: fhir.post("Patient", bad))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"path": "Patient.nonsense", "min": 1}, "snapshot-path-unknown"),
        ({"path": "Patient.gender", "max": "2"}, "snapshot-cardinality-widened"),
        ({"path": "Patient.identifier", "sliceName": "a"}, "snapshot-not-sliced"),
    ],
)
def test_a_profile_that_is_at_fault_is_refused_with_element_and_rule(named, row, message):
    issues = refused(named(row)[1], 422)
    assert issues[0]["details"]["coding"][0]["code"] == message
    assert row["path"] in issues[0]["details"]["text"]


def test_a_draft_of_a_profile_may_be_at_fault(fhir, named):
    url, answer = named({"path": "Patient.nonsense", "min": 1}, status="draft")
    assert answer.status_code == 201
    told = fhir.post("Patient", claiming(url), Prefer="return=OperationOutcome")
    assert told.status_code == 201
    until_told = [one for one in messages(told) if one.startswith("profile-")]
    assert until_told in (["profile-unusable"], ["profile-not-checked"])


def test_a_profile_whose_base_is_not_here_yet_may_be_stored(named):
    assert named(NAME, baseDefinition="http://a.example/unknown")[1].status_code == 201


def test_what_version_was_checked_by_which_rules_is_kept(fhir):
    stored = fhir.create(weight())
    told = fhir.get(f"Observation/{stored['id']}/$validate").json()["issue"]
    texts = [
        one["details"]["text"]
        for one in told
        if one["details"]["coding"][0]["code"] == "validate-checked"
    ]
    assert len(texts) == 1
    assert "declared" in texts[0]
    assert R4 + "bodyweight" in texts[0]


def test_validation_tells_what_must_be_supported_if_asked(fhir, named):
    url, _ = named({"path": "Patient.photo", "mustSupport": True})
    rows = [
        {"name": "resource", "resource": patient()},
        {"name": "profile", "valueCanonical": url},
        {"name": "mustSupport", "valueBoolean": True},
    ]
    asked = {"resourceType": "Parameters", "parameter": rows}
    for _ in range(20):
        told = messages(fhir.post("Patient/$validate", asked))
        if "profile-unknown" not in told:
            break
        time.sleep(0.2)
    assert "profile-must-support" in told


def test_the_statement_names_the_profiles_that_come_with_the_server(fhir):
    rows = fhir.get("metadata").json()["rest"][0]["resource"]
    named = {row["type"]: row.get("supportedProfile", []) for row in rows}
    base = "https://tongkang.example/fhir/StructureDefinition/"
    assert f"{base}cn-patient" in named["Patient"]
    assert named["Basic"] == []
