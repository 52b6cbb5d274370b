"""All that can be said and asked in JSON can be said and asked in XML.

Spec: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/http.html#mime-type
"""

from base64 import b64encode
from xml.etree import ElementTree as ET

import pytest

from tests.api.client import HAN, Client, raw
from tests.builders import fresh, observation, patient

FHIR_XML = "application/fhir+xml"
FHIR = {"f": "http://hl7.org/fhir"}
XHTML = "http://www.w3.org/1999/xhtml"


@pytest.fixture
def xml(base):
    """A client that sends XML and asks for it."""
    client = Client(base, {"Accept": FHIR_XML, "Content-Type": FHIR_XML})
    yield client
    client.session.close()


def in_xml(inside, type="Patient"):
    return f'<{type} xmlns="http://hl7.org/fhir">{inside}</{type}>'.encode()


def post(xml, type, inside, **headers):
    return xml.post(type, in_xml(inside, type), Content_Type=FHIR_XML, **headers)


def root(response, *statuses):
    """Return the root element of an answer in XML, whose status is one of `statuses`."""
    assert response.status_code in (statuses or (200,)), response.text
    assert response.headers["Content-Type"] == f"{FHIR_XML}; charset=utf-8"
    return ET.fromstring(response.content)


def name(element):
    return element.tag.removeprefix("{http://hl7.org/fhir}")


def value(element, path):
    found = element.find("/".join(f"f:{step}" for step in path.split("/")), FHIR)
    return None if found is None else found.get("value")


def told(response, status, language="zh"):
    """Return the message keys of a refusal in XML."""
    outcome = root(response, status)
    assert name(outcome) == "OperationOutcome"
    texts = [one.get("value") for one in outcome.findall("f:issue/f:details/f:text", FHIR)]
    assert texts
    assert all(bool(HAN.search(text)) == (language == "zh") for text in texts)
    keys = outcome.findall("f:issue/f:details/f:coding/f:code", FHIR)
    return [one.get("value") for one in keys]


def test_what_is_created_in_xml_is_read_in_both_formats(xml, fhir):
    div = f'<div xmlns="{XHTML}">体温 <b>36.50</b>&#160;&lt;37</div>'
    inside = (
        f'<text><status value="generated"/>{div}</text><status value="final"/>'
        '<code><text value="体温"/></code><valueQuantity><value value="36.50"/></valueQuantity>'
    )
    created = post(xml, "Observation", inside)
    id = value(root(created, 201), "id")
    assert created.headers["Location"] == f"{fhir.base}/Observation/{id}/_history/1"
    stored = fhir.get(f"Observation/{id}")
    assert b'"value":36.50' in stored.content
    assert stored.json()["text"]["div"] == div
    read = xml.get(f"Observation/{id}")
    assert '<value value="36.50"/>' in read.text
    assert f"{div}</text>" in read.text
    assert read.headers["ETag"] == stored.headers["ETag"] == 'W/"1"'
    assert "Accept" in read.headers["Vary"]


def test_an_update_in_xml_is_the_next_version_and_the_same_again_is_none(xml, fhir):
    stored = fhir.create(patient(birthDate="1990", active=True))
    id = stored["id"]
    inside = f'<id value="{id}"/><active value="false"/>'
    answer = xml.put(f"Patient/{id}", in_xml(inside), Content_Type=FHIR_XML, If_Match='W/"1"')
    assert value(root(answer), "meta/versionId") == "2"
    assert fhir.read("Patient", id)["active"] is False
    again = xml.put(f"Patient/{id}", xml.get(f"Patient/{id}").content, Content_Type=FHIR_XML)
    assert value(root(again), "meta/versionId") == "2"


def test_what_was_stored_in_json_is_read_in_xml_whole(xml, fhir):
    extension = {"url": "http://example.org/x", "valueString": "y"}
    stored = fhir.create(
        patient(
            contained=[{"resourceType": "Organization", "id": "o", "name": "医院"}],
            managingOrganization={"reference": "#o"},
            birthDate="1990-02-28",
            _birthDate={"id": "b", "extension": [extension]},
            name=[{"given": ["甲", None], "_given": [None, {"extension": [extension]}]}],
        )
    )
    sent = xml.get(f"Patient/{stored['id']}").content
    root(xml.put(f"Patient/{stored['id']}", sent, Content_Type=FHIR_XML))
    again = fhir.read("Patient", stored["id"])
    assert {**again, "meta": None} == {**stored, "meta": None}
    assert [name(one) for one in ET.fromstring(sent)] == [
        "id", "meta", "contained", "name", "gender", "birthDate", "managingOrganization",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "type", ["application/xml", "text/xml", "application/fhir+xml; charset=utf-8"]
)
def test_the_other_names_of_xml_are_taken_and_given(fhir, type):
    answer = fhir.post("Patient", in_xml('<active value="true"/>'), Content_Type=type, Accept=type)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"].split(";")[0] == type.split(";")[0]
    assert answer.content.startswith(b'<?xml version="1.0" encoding="UTF-8"?><Patient')


def test_what_is_sent_and_what_is_given_need_not_be_the_same(fhir):
    sent = fhir.post("Patient", in_xml('<active value="true"/>'), Content_Type=FHIR_XML)
    assert sent.json()["active"] is True
    assert root(fhir.post("Patient", patient(), Accept=FHIR_XML), 201).tag.endswith("Patient")


@pytest.mark.parametrize(
    "query", ["_format=xml", "_format=application/fhir%2Bxml", "_format=text/xml"]
)
def test_format_asks_for_xml_in_a_url(fhir, query):
    id = fhir.create(patient())["id"]
    answer = fhir.get(f"Patient/{id}?{query}")
    assert ET.fromstring(answer.content).tag == "{http://hl7.org/fhir}Patient"


def test_pretty_lays_it_out(xml, fhir):
    id = fhir.create(patient())["id"]
    assert b"\n  <gender" in xml.get(f"Patient/{id}?_pretty=true").content
    assert b"\n  <gender" not in xml.get(f"Patient/{id}").content


def test_a_search_set_in_xml(xml, fhir):
    mark = fresh()
    ids = {fhir.create(patient(identifier=[{"value": mark}]))["id"] for _ in range(3)}
    bundle = root(xml.get(f"Patient?identifier={mark}&_count=2"))
    assert value(bundle, "type") == "searchset"
    first = [one.get("value") for one in bundle.findall("f:entry/f:resource/f:Patient/f:id", FHIR)]
    links = {value(one, "relation"): value(one, "url") for one in bundle.findall("f:link", FHIR)}
    rest = root(xml.get(links["next"].removeprefix(f"{xml.base}/")))
    others = [one.get("value") for one in rest.findall("f:entry/f:resource/f:Patient/f:id", FHIR)]
    assert {*first, *others} == ids
    posted = xml.post(
        "Patient/_search",
        f"identifier={mark}".encode(),
        Content_Type="application/x-www-form-urlencoded",
    )
    assert value(root(posted), "total") == "3"


def test_a_search_that_finds_nothing_and_one_that_counts(xml):
    assert value(root(xml.get(f"Patient?identifier={fresh()}&_total=accurate")), "total") == "0"
    assert value(root(xml.get("Patient?_summary=count")), "type") == "searchset"


@pytest.mark.parametrize("part", ["_summary=true", "_summary=text", "_elements=name"])
def test_parts_of_a_resource_in_xml(xml, fhir, part):
    id = fhir.create(patient(multipleBirthInteger=2))["id"]
    found = root(xml.get(f"Patient/{id}?{part}"))
    assert value(found, "meta/tag/code") == "SUBSETTED"
    assert found.find("f:multipleBirthInteger", FHIR) is None


def test_a_history_in_xml(xml, fhir):
    stored = fhir.create(patient())
    fhir.update(patient(id=stored["id"], gender="male"))
    fhir.delete(f"Patient/{stored['id']}")
    bundle = root(xml.get(f"Patient/{stored['id']}/_history"))
    methods = [value(one, "request/method") for one in bundle.findall("f:entry", FHIR)]
    assert methods == ["DELETE", "PUT", "POST"]


def test_the_capability_statement_in_xml(xml):
    statement = root(xml.get("metadata"))
    formats = {one.get("value") for one in statement.findall("f:format", FHIR)}
    assert {"application/fhir+json", "application/fhir+xml", "json", "xml"} <= formats
    assert len(statement.findall("f:rest/f:resource", FHIR)) > 140


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


def test_a_preferred_outcome_comes_in_xml(xml):
    answer = post(xml, "Patient", '<active value="true"/>', Prefer="return=OperationOutcome")
    assert told(answer, 201) == ["resource-created"]


def test_a_head_request_tells_the_length_of_the_xml(xml, fhir):
    path = f"Patient/{fhir.create(patient())['id']}"
    head = xml.request("HEAD", path)
    assert head.headers["Content-Length"] == str(len(xml.get(path).content))


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("Patient/nobody", 404, "resource-unknown"),
        ("Nonsense/1", 404, "type-unknown"),
        ("nonsense", 404, "url-unknown"),
        ("Patient?nonsense=1", 400, "search-parameter-unknown"),
    ],
)
def test_refusals_are_told_in_xml(xml, path, status, message):
    assert told(xml.get(path), status) == [message]


def test_refusals_of_bodies_are_told_in_xml_and_in_the_language_asked_for(base, xml):
    assert told(xml.post("Patient", b"<", Content_Type="text/turtle"), 415) == [
        "content-type-unknown"
    ]
    assert told(xml.post("Patient", b"{", Content_Type="application/json"), 400) == [
        "json-malformed"
    ]
    english = Client(base, {"Accept": FHIR_XML, "Accept-Language": "en"})
    assert told(post(english, "Patient", "<x/>"), 422, "en") == ["structure-unknown-element"]
    english.session.close()


def test_the_faults_of_xml_and_those_of_its_content_name_the_element(xml):
    answer = root(post(xml, "Patient", '<gender value="other"/><gender value="x"/>'), 422)
    assert value(answer, "issue/expression") == "Patient.gender"
    answer = root(post(xml, "Patient", '<birthDate value="1990-02-30"/>'), 422)
    assert value(answer, "issue/expression") == "Patient.birthDate"


def test_a_request_that_cannot_be_read_is_refused_in_xml(base):
    lines = (b"POST /fhir/Patient HTTP/1.1", b"Host: x", b"Accept: application/fhir+xml")
    answer = raw(base, b"\r\n".join([*lines, b"Content-Length: abc", b"", b""]))
    assert answer.status == 400
    assert answer.headers["content-type"].split(";")[0] == FHIR_XML
    assert name(ET.fromstring(answer.body)) == "OperationOutcome"


def test_digits_stored_in_json_are_the_same_in_xml(xml, fhir):
    quantity = b'"valueQuantity":{"value":1.0E3}'
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},%s}' % quantity
    id = fhir.post("Observation", body).json()["id"]
    assert '<value value="1.0E3"/>' in xml.get(f"Observation/{id}").text
