"""Which parameters have a value: https://hl7.org/fhir/R4/search.html#missing."""

import pytest

SUBJECT = {"reference": "Patient/1"}


@pytest.mark.parametrize(
    ("type", "elements", "has"),
    [
        # Its expression says true or false of every patient.
        ("Patient", {}, ["deceased"]),
        ("Patient", {"gender": "male", "active": False}, ["active", "deceased", "gender"]),
        ("Patient", {"deceasedBoolean": False}, ["deceased"]),
        ("Patient", {"birthDate": "1990"}, ["birthdate", "deceased"]),
        ("Patient", {"name": [{"use": "usual"}]}, ["deceased", "name", "phonetic"]),
        ("Patient", {"managingOrganization": {"display": "市医院"}}, ["deceased", "organization"]),
        ("Patient", {"identifier": [{"system": "http://a"}]}, ["deceased", "identifier"]),
        ("Observation", {"code": {"text": "血压"}}, ["code"]),
        ("Observation", {"subject": SUBJECT}, ["patient", "subject"]),
        ("Observation", {"subject": {"reference": "Group/1"}}, ["subject"]),
        ("Observation", {"subject": {"display": "张三"}}, ["subject"]),
        ("Observation", {"subject": {"type": "Patient"}}, ["patient", "subject"]),
        ("Observation", {"valueQuantity": {"unit": "kg"}}, ["value-quantity"]),
        ("Observation", {"component": [{"code": {"text": "a"}}]}, ["component-code"]),
        ("Location", {"position": {"longitude": 1, "latitude": 2}}, ["near"]),
    ],
)
def test_a_value_is_noted_even_if_it_makes_no_entry(index, type, elements, has):
    assert index.entries({"resourceType": type, "id": "1", **elements}).get("has") == has
