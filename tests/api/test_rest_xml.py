"""All that can be said and asked in JSON can be said and asked in XML.

Spec: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/http.html#mime-type
"""

from xml.etree import ElementTree as ET

import pytest

from tests.api.client import Client, raw
from tests.api.xml import (
    FHIR,
    FHIR_XML,
    XHTML,
    in_xml,
    name,
    post,
    root,
    told,
    value,
)
from tests.builders import fresh, patient


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
