"""Patching by FHIRPath Patch over HTTP; what each operation does is tested beside its module.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import pytest

from tests.api.client import etag, refused
from tests.builders import TEST, fresh, identifier, observation, patient


@pytest.fixture
def patch(fhir):
    def send(path, *operations, **headers):
        body = {"resourceType": "Parameters", "parameter": list(operations)}
        return fhir.request("PATCH", path, body if operations else NOTHING, **headers)

    return send


NOTHING = {"resourceType": "Parameters"}


def operation(type, path, *parts):
    given = [{"name": "type", "valueCode": type}, {"name": "path", "valueString": path}, *parts]
    return {"name": "operation", "part": given}


MALE = operation("replace", "Patient.gender", {"name": "value", "valueCode": "male"})


def test_a_patch_makes_the_next_version(fhir, patch):
    stored = fhir.create(patient())
    answer = patch(f"Patient/{stored['id']}", MALE)
    assert answer.status_code == 200
    assert etag(answer) == 'W/"2"'
    assert answer.json() == {**stored, "gender": "male", "meta": answer.json()["meta"]}
    assert fhir.read("Patient", stored["id"]) == answer.json()


def test_an_empty_patch_makes_no_version(fhir, patch):
    stored = fhir.create(patient())
    answer = patch(f"Patient/{stored['id']}")
    assert answer.json() == stored
    assert etag(answer) == 'W/"1"'


@pytest.mark.parametrize("type", ["application/fhir+json; charset=utf-8", "application/json"])
def test_any_json_type_will_do(fhir, patch, type):
    stored = fhir.create(patient())
    answer = patch(f"Patient/{stored['id']}", MALE, Content_Type=type)
    assert answer.json()["gender"] == "male"


def test_digits_stay_as_they_are_written(fhir):
    id = fhir.create(observation())["id"]
    body = (
        '{"resourceType":"Parameters","parameter":[{"name":"operation","part":['
        '{"name":"type","valueCode":"replace"},'
        '{"name":"path","valueString":"Observation.value"},'
        '{"name":"value","valueQuantity":{"value":36.50,"unit":"Cel"}}]}]}'
    )
    answer = fhir.request("PATCH", f"Observation/{id}", body.encode())
    assert b'"value":36.50' in answer.content
    assert fhir.get(f"Observation/{id}").content == answer.content


def test_a_conditional_patch_patches_the_one_match(fhir, patch):
    mark = fresh()
    stored = fhir.create(patient(identifier=[identifier(mark)]))
    answer = patch(f"Patient?identifier={TEST}|{mark}", MALE, If_Match='W/"1"')
    assert answer.json()["id"] == stored["id"]
    assert answer.json()["gender"] == "male"


REFUSED = [
    ("a value that is not of the value set", 422,
     operation("replace", "Patient.gender", {"name": "value", "valueCode": "lady"})),
    ("a value that is none of its type", 422,
     operation("replace", "Patient.gender", {"name": "value", "valueDate": "yesterday"})),
    ("an unknown element", 422,
     operation("add", "Patient", {"name": "name", "valueString": "colour"},
               {"name": "value", "valueCode": "red"})),
    ("several elements", 422, operation("delete", "Patient.name")),
    ("another id", 422, operation("replace", "Patient.id", {"name": "value", "valueId": "x"})),
    ("no id", 422, operation("delete", "Patient.id")),
    ("no path", 400, {"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]}),
    ("no operation", 400, {"name": "add", "valueString": "x"}),
    ("half a path", 400, operation("delete", "Patient.name[")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "wrong"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_refusal_does_nothing(fhir, patch, status, wrong):
    stored = fhir.create(patient(name=[{"text": "甲"}, {"text": "乙"}]))
    refused(patch(f"Patient/{stored['id']}", MALE, wrong), status)
    assert fhir.read("Patient", stored["id"]) == stored


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"resourceType":"Patient"}', b"<Parameters/>", b'"x"']
)
def test_what_is_no_parameters_resource_is_400(fhir, body):
    stored = fhir.create(patient())
    refused(fhir.request("PATCH", f"Patient/{stored['id']}", body), 400)


def test_a_refusal_says_where_in_the_patch(fhir, patch):
    id = fhir.create(patient())["id"]
    answer = patch(f"Patient/{id}", MALE, operation("delete", "Patient.colour"))
    assert refused(answer, 422)[0]["expression"] == ["Parameters.parameter[1]"]


def test_a_patch_may_come_as_xml(fhir):
    stored = fhir.create(patient())
    parts = (
        ("type", '<valueCode value="replace"/>'),
        ("path", '<valueString value="Patient.gender"/>'),
        ("value", '<valueCode value="male"/>'),
    )
    inside = "".join(f'<part><name value="{name}"/>{value}</part>' for name, value in parts)
    body = (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        f"{inside}</parameter></Parameters>"
    )
    answer = fhir.request(
        "PATCH", f"Patient/{stored['id']}", body.encode(), Content_Type="application/fhir+xml"
    )
    assert answer.json()["gender"] == "male"
