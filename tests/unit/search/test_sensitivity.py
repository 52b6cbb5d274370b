"""terminology/sensitivity.toml: which codes make a resource sensitive."""

import pytest

from server.content import TERMINOLOGY
from server.search.sensitivity import declared, labels

of = labels(TERMINOLOGY)
ICD = "http://hl7.org/fhir/sid/icd-10"
LABEL = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def coded(code, system=ICD, type="Condition"):
    return {"resourceType": type, "code": {"coding": [{"system": system, "code": code}]}}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("B20", ["HIV"]), ("B24.x00", ["HIV"]), ("Z21", ["HIV"]), ("F32.900", ["PSY"]),
        ("F10.2", ["ETH"]), ("A51.3", ["STD"]), ("Z30.1", ["SEX"]), ("Q90.9", ["GDIS"]),
        ("F02.4", ["HIV", "PSY"]), ("F52.0", ["PSY", "SEX"]), ("I10", []), ("B2", []), ("", []),
    ],
)  # fmt: skip
def test_codes_of_icd_10_by_their_beginning(code, expected):
    assert of(coded(code)) == expected


def test_a_code_of_another_system_means_something_else():
    assert of(coded("B20", "http://loinc.org")) == []
    assert of({"resourceType": "Condition", "code": {"coding": [{"code": "B20"}]}}) == []


def test_a_laboratory_test_is_sensitive_too():
    assert of(coded("56888-1", "http://loinc.org", "Observation")) == ["HIV"]


def test_codes_count_wherever_they_stand():
    resource = {
        "resourceType": "Encounter",
        "reasonCode": [{"coding": [{"system": ICD, "code": "F20.0"}]}],
        "contained": [coded("B22.0")],
    }
    assert of(resource) == ["HIV", "PSY"]


def test_a_label_in_the_resource_itself_counts():
    security = [{"system": LABEL, "code": "PSY"}, {"system": LABEL, "code": "OTHER"}]
    assert of({"resourceType": "Basic", "meta": {"security": security}}) == ["PSY"]


def test_a_type_can_be_sensitive_as_such():
    assert of({"resourceType": "MolecularSequence"}) == ["GDIS"]


def test_every_label_has_a_name_in_both_languages():
    assert all(one["zh"] and one["en"] for one in declared(TERMINOLOGY).values())
