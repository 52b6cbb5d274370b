"""$convert gives a resource back in another format.

Spec: https://hl7.org/fhir/R4/resource-operation-convert.html
"""

import pytest

from tests.api.client import refused
from tests.builders import fresh

PATIENT = '{"resourceType":"Patient","extension":[{"url":"urn:a","valueDecimal":1.50}]}'


def test_a_resource_comes_back_with_all_its_digits(fhir):
    answer = fhir.post("$convert", PATIENT.encode())
    assert answer.status_code == 200
    assert answer.text == PATIENT


def test_a_parameters_resource_comes_in_another(fhir):
    inner = '{"resourceType":"Parameters","parameter":[{"name":"a","valueDecimal":2.0}]}'
    body = f'{{"resourceType":"Parameters","parameter":[{{"name":"input","resource":{inner}}}]}}'
    assert fhir.post("$convert", body.encode()).text == inner


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"resourceType":"Patient","nonsense":1}', 422),
        (b'{"resourceType":"Nonsense"}', 422),
        (b'{"resourceType":"Parameters"}', 400),
        (b"{", 400),
    ],
)
def test_what_is_no_resource_is_refused(fhir, body, status):
    refused(fhir.post("$convert", body), status)


def test_nothing_is_stored(fhir):
    id = fresh()
    fhir.post("$convert", {"resourceType": "Patient", "id": id})
    refused(fhir.get(f"Patient/{id}"), 404)
    refused(fhir.get("$convert"), 400)


XML = (
    '<Patient xmlns="http://hl7.org/fhir"><extension url="urn:a"><valueDecimal value="1.50"/>'
    "</extension></Patient>"
)
FHIR_XML = "application/fhir+xml"


def test_json_becomes_xml_and_xml_becomes_json(fhir):
    written = fhir.post("$convert", PATIENT.encode(), Accept=FHIR_XML)
    assert written.status_code == 200
    assert written.text.endswith(XML)
    back = fhir.post("$convert", XML.encode(), Content_Type=FHIR_XML)
    assert back.text == PATIENT
    assert fhir.post("$convert?_format=xml", PATIENT.encode()).content == written.content
