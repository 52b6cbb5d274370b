"""Patches, transactions and operations in XML.

Spec: https://hl7.org/fhir/R4/xml.html
"""

from base64 import b64encode

import pytest

from tests.api.xml import FHIR, FHIR_XML, XHTML, in_xml, name, root, value
from tests.builders import observation, patient


def test_an_operation_takes_and_gives_xml(xml, fhir):
    id = fhir.create(patient(meta={"tag": [{"system": "urn:x", "code": "t"}]}))["id"]
    given = root(xml.get(f"Patient/{id}/$meta"))
    assert value(given, "parameter/valueMeta/tag/code") == "t"
    posted = xml.post(f"Patient/{id}/$meta", in_xml("", "Parameters"), Content_Type=FHIR_XML)
    assert value(root(posted), "parameter/valueMeta/tag/code") == "t"


PATCH = (
    '<parameter><name value="operation"/>'
    '<part><name value="type"/><valueCode value="replace"/></part>'
    '<part><name value="path"/><valueString value="Patient.birthDate"/></part>'
    '<part><name value="value"/><valueDate value="1991-02-03"/></part></parameter>'
)


@pytest.mark.parametrize("type", [FHIR_XML, "text/xml"])
def test_a_patch_in_xml(xml, fhir, type):
    """https://hl7.org/fhir/R4/fhirpatch.html."""
    id = fhir.create(patient(birthDate="1990"))["id"]
    body = in_xml(PATCH, "Parameters")
    answer = root(xml.request("PATCH", f"Patient/{id}", body, Content_Type=type))
    assert value(answer, "birthDate") == "1991-02-03"


def test_a_patch_in_xml_as_the_data_of_an_entry(fhir):
    """https://hl7.org/fhir/R4/http.html#jsonpatch-transaction."""
    id = fhir.create(patient(birthDate="1990"))["id"]
    data = b64encode(in_xml(PATCH, "Parameters")).decode()
    binary = {"resourceType": "Binary", "contentType": FHIR_XML, "data": data}
    entry = {"request": {"method": "PATCH", "url": f"Patient/{id}"}, "resource": binary}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert fhir.post("", bundle).status_code == 200
    assert fhir.read("Patient", id)["birthDate"] == "1991-02-03"


def test_a_transaction_in_xml_is_answered_in_xml(xml, fhir):
    div = (
        f'<div xmlns="{XHTML}"><a href="urn:uuid:c757873d-ec9a-4326-a141-556f43239520">甲</a></div>'
    )
    entries = (
        '<entry><fullUrl value="urn:uuid:c757873d-ec9a-4326-a141-556f43239520"/>'
        '<resource><Patient><gender value="female"/></Patient></resource>'
        '<request><method value="POST"/><url value="Patient"/></request></entry>'
        '<entry><fullUrl value="urn:uuid:c757873d-ec9a-4326-a141-556f43239521"/>'
        f'<resource><Observation><text><status value="generated"/>{div}</text>'
        '<status value="final"/><code><text value="x"/></code>'
        '<subject><reference value="urn:uuid:c757873d-ec9a-4326-a141-556f43239520"/></subject>'
        '<valueQuantity><value value="1.50"/></valueQuantity></Observation></resource>'
        '<request><method value="POST"/><url value="Observation"/></request></entry>'
    )
    body = in_xml(f'<type value="transaction"/>{entries}', "Bundle")
    answer = root(xml.post("", body, Content_Type=FHIR_XML))
    assert value(answer, "type") == "transaction-response"
    places = [value(one, "response/location") for one in answer.findall("f:entry", FHIR)]
    patient_path, observation_path = (
        one.split("/fhir/")[1].split("/_history")[0] for one in places
    )
    stored = fhir.get(observation_path)
    assert stored.json()["subject"]["reference"] == patient_path
    assert patient_path in stored.json()["text"]["div"]
    assert '"value":1.50' in stored.text


def test_the_record_of_a_patient_in_xml(xml, fhir):
    id = fhir.create(patient())["id"]
    fhir.create(observation(subject={"reference": f"Patient/{id}"}))
    bundle = root(xml.get(f"Patient/{id}/$everything"))
    found = [name(one[0]) for one in bundle.findall("f:entry/f:resource", FHIR)]
    assert sorted(found) == ["Observation", "Patient"]


def test_a_transaction_of_as_many_entries_as_there_may_be(xml):
    one = (
        "<entry><resource><Observation>"
        + "<extension url='urn:test:x'><valueString value='x'/></extension>" * 100
        + "<status value='final'/><code><text value='x'/></code></Observation></resource>"
        "<request><method value='POST'/><url value='Observation'/></request></entry>"
    )
    inside = f"<type value='transaction'/>{one * 1000}"
    answer = root(xml.post("", in_xml(inside, "Bundle"), Content_Type=FHIR_XML))
    assert len(answer.findall("f:entry", FHIR)) == 1000
