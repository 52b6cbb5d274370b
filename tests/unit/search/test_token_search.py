"""Tokens and URIs: https://hl7.org/fhir/R4/search.html#token."""

import pytest

LOINC = "http://loinc.org"
GENDER = "http://hl7.org/fhir/administrative-gender"
TRUE_SYSTEM = "http://terminology.hl7.org/CodeSystem/special-values"


def observation(system=LOINC, code="1-8"):
    coding = {key: text for key, text in (("system", system), ("code", code)) if text is not None}
    return {"resourceType": "Observation", "status": "final", "code": {"coding": [coding]}}


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ("1-8", ["0", "1", "4"]),
        (f"{LOINC}|1-8", ["0"]),
        ("|1-8", ["1"]),
        (f"{LOINC}|", ["0", "2", "3"]),
        ("http://other|1-8", ["4"]),
        ("http://other|", ["4"]),
        (f"{LOINC}|9", []),
        (f"{LOINC}|2-6,|1-8", ["1", "2"]),
        ("1-8,2-6", ["0", "1", "2", "4"]),
        ("loinc", []),
        ("http://loinc|", []),
        ("1-", []),
        (".*", []),
        ("1-8 ", []),
    ],
)
def test_token_forms(found, code, ids):
    stored = [
        observation(),
        observation(system=None),
        observation(code="2-6"),
        observation(code=None),
        observation(system="http://other"),
    ]
    assert found(stored, code=code, _sort="_id") == ids


@pytest.mark.parametrize(
    ("gender", "ids"),
    [
        ("male", ["0"]),
        (f"{GENDER}|male", ["0"]),
        ("|male", ["0"]),
        (f"{GENDER}|", ["0", "1"]),
        ("http://other|male", []),
        (f"{GENDER}|robot", []),
        ("MALE", []),
    ],
)
def test_a_code_has_the_system_of_its_binding(found, gender, ids):
    people = [{"resourceType": "Patient", "gender": gender} for gender in ("male", "female")]
    assert found(people, gender=gender) == ids


@pytest.mark.parametrize("active", ["true", f"{TRUE_SYSTEM}|true", "|true"])
def test_a_boolean_is_a_token(found, active):
    people = [{"resourceType": "Patient", "active": value} for value in (True, False)]
    assert found(people, active=active) == ["0"]


def test_a_patient_without_deceased_is_not_deceased(found):
    people = [
        {"resourceType": "Patient"},
        {"resourceType": "Patient", "deceasedBoolean": False},
        {"resourceType": "Patient", "deceasedBoolean": True},
        {"resourceType": "Patient", "deceasedDateTime": "2024"},
    ]
    assert found(people, deceased="true") == ["2", "3"]
    assert found(people, deceased="false") == ["0", "1"]


@pytest.mark.parametrize(
    ("identifier", "ids"),
    [("urn:x|1", ["0"]), ("1", ["0", "1"]), ("|1", ["1"]), ("urn:x|", ["0", "2"]), ("urn:x|2", [])],
)
def test_identifiers(found, identifier, ids):
    people = [
        {"resourceType": "Patient", "identifier": [one]}
        for one in ({"system": "urn:x", "value": "1"}, {"value": "1"}, {"system": "urn:x"})
    ]
    assert found(people, identifier=identifier) == ids


def test_bars_and_backslashes_in_codes_are_told_apart_from_dividers(found):
    people = [
        {"resourceType": "Patient", "identifier": [one]}
        for one in (
            {"value": "a|b"},
            {"system": "a", "value": "b"},
            {"value": "a\\|b"},
            {"value": "a,b"},
        )
    ]
    assert found(people, identifier=r"a\|b") == ["0"]
    assert found(people, identifier="a|b") == ["1"]
    assert found(people, identifier=r"a\\\|b") == ["2"]
    assert found(people, identifier=r"a\,b") == ["3"]


def test_a_phone_is_found_by_its_kind(found):
    people = [
        {"resourceType": "Patient", "telecom": [{"system": kind, "value": "1"}]}
        for kind in ("phone", "email")
    ]
    assert found(people, phone="1") == ["0"]
    assert found(people, email="1") == ["1"]
    assert found(people, telecom="1") == ["0", "1"]


def test_a_combined_parameter_finds_what_either_part_does(found):
    inner = {**observation(code="9-9"), "component": [{"code": {"coding": [{"code": "1-8"}]}}]}
    assert found([observation(), inner], combo__code="1-8", _sort="_id") == ["0", "1"]
    assert found([observation(), inner], component__code="1-8") == ["1"]


def test_tags_security_profile_and_source(found):
    meta = {
        "tag": [{"system": "urn:t", "code": "a"}],
        "security": [{"system": "urn:s", "code": "R"}],
        "profile": ["http://example.org/p|1.0"],
        "source": "http://example.org/source#1",
    }
    people = [{"resourceType": "Patient", "meta": meta}, {"resourceType": "Patient"}]
    assert found(people, _tag="urn:t|a") == ["0"]
    assert found(people, _security="R") == ["0"]
    assert found(people, _profile="http://example.org/p") == ["0"]
    assert found(people, _profile="http://example.org/p|1.0") == ["0"]
    assert found(people, _profile="http://example.org/p|2.0") == []
    assert found(people, _source="http://example.org/source#1") == ["0"]


def test_a_uri_is_compared_character_by_character(found):
    sets = [{"resourceType": "ValueSet", "url": "http://example.org/a"}]
    assert found(sets, url="http://example.org/a") == ["0"]
    assert found(sets, url="http://example.org/A") == []
    assert found(sets, url="http://example.org/") == []
