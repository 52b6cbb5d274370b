"""Documents of WS/T 500 in XML, one of each type, and the records that they come to."""

import json
from pathlib import Path

import pytest

from server.fhir.json import dumps, spelled
from server.fhir.outcome import BadRequest, TooLarge, Unprocessable
from server.mappings.cda import tree

GOLDEN = Path(__file__).parent / "cda_golden"
TYPES = ("C0002", "C0004", "C0007", "C0032", "C0053")


def sample(code):
    return (GOLDEN / f"{code}.xml").read_bytes()


@pytest.mark.parametrize("code", TYPES)
def test_a_document_is_read_element_by_element(interpreters, code):
    """The expected rows were compared with the documents, one element after the other."""
    papers = interpreters.documents.read(sample(code))
    expected = json.loads((GOLDEN / f"{code}.json").read_text("utf-8"))
    told = [f"{one.severity} {one.message} {one.element}" for one in papers.read.faults]
    assert dict(papers.row) == expected["row"]
    assert json.loads(dumps(papers.read.record)) == expected["record"]
    assert told == expected["told"]


@pytest.mark.parametrize("code", TYPES)
def test_what_is_read_is_a_right_record_and_can_be_given_back(interpreters, code):
    papers = interpreters.documents.read(sample(code))
    body = dumps(papers.read.record)
    assert not interpreters.structure.faults(json.loads(body))
    assert papers.dataset.restore([spelled(body)]).row == dict(papers.row)


@pytest.mark.parametrize("name", ["GB18030", "gbk", "GB2312"])
def test_a_document_in_a_chinese_encoding_reads_the_same(interpreters, name):
    text = sample("C0004").decode().replace('"UTF-8"', f'"{name}"').replace("×", "x")
    read = interpreters.documents.read(text.encode(name))
    assert read.row["姓名"] == "测试甲"


def changed(code, old, new):
    text = sample(code).decode()
    assert old in text
    return text.replace(old, new).encode()


def test_a_type_that_is_not_read_is_named(interpreters):
    with pytest.raises(Unprocessable) as refusal:
        interpreters.documents.read(changed("C0002", 'code="C0002"', 'code="C0099"'))
    [issue] = refusal.value.issues
    assert (issue.message, issue.arguments["code"]) == ("cda-document-unknown", "C0099")


def test_a_template_of_another_type_is_refused(interpreters):
    with pytest.raises(Unprocessable) as refusal:
        interpreters.documents.read(changed("C0002", "2.1.1.22", "2.1.1.24"))
    assert refusal.value.issues[0].message == "cda-template-differs"


def test_what_is_no_clinical_document_is_refused(interpreters):
    with pytest.raises(Unprocessable) as refusal:
        interpreters.documents.read(b'<Patient xmlns="http://hl7.org/fhir"/>')
    assert refusal.value.issues[0].message == "cda-no-document"


@pytest.mark.parametrize(
    ("old", "new", "message", "severity"),
    [
        ("2.16.156.10011.2.3.2.39", "2.16.156.10011.2.3.1.85", "cda-code-system", "error"),
        ("DE04.01.119.00", "DE99.99.999.00", "cda-element-unknown", "warning"),
        ('displayName="中医病名代码"', 'displayName="另一个"', "cda-element-ambiguous", "error"),
        ('value="20240301100041"', 'value="20230230100041"', "dataset-date", "error"),
        ('extension="11010519491231002X"', 'extension="110105194912310021"',
         "dataset-number-check", "error"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(interpreters, old, new, message, severity):
    faults = interpreters.documents.read(changed("C0002", old, new)).read.faults
    assert (message, severity) in [(one.message, one.severity) for one in faults]


def test_a_weight_in_another_unit_is_refused(interpreters):
    body = changed("C0032", 'value="0" unit="d"', 'value="0" unit="h"')
    assert "cda-unit" in [one.message for one in interpreters.documents.read(body).read.faults]


HEAD = b'<ClinicalDocument xmlns="urn:hl7-org:v3">'


@pytest.mark.parametrize(
    ("body", "refusal", "message"),
    [
        (b"", BadRequest, "body-missing"),
        (b"<a>", BadRequest, "xml-malformed"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', BadRequest, "xml-document-type"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', BadRequest,
         "xml-document-type"),
        (b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>', BadRequest,
         "xml-document-type"),
        (HEAD + b"&undeclared;</ClinicalDocument>", BadRequest, "xml-malformed"),
        (b'<?xml version="1.0" encoding="latin-1"?><a/>', BadRequest, "xml-encoding"),
        ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), BadRequest,
         "xml-encoding"),
        (b'<?xml version="1.0" encoding="gb18030"?><a>\xff\xff</a>', BadRequest, "xml-encoding"),
        (HEAD + b"<a>" * 200 + b"</a>" * 200 + b"</ClinicalDocument>", TooLarge, "xml-too-deep"),
        (HEAD + b"<a/>" * 500_001 + b"</ClinicalDocument>", TooLarge, "xml-too-many-elements"),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused(body, refusal, message):
    """https://cheatsheetseries.owasp.org/cheatsheets/XML_Security_Cheat_Sheet.html."""
    with pytest.raises(refusal) as refused:
        tree.parsed(body)
    assert refused.value.issues[0].message == message
