"""Bodies that are not FHIR, or not JSON, or not even text: refused in words, nothing stored.

Spec: https://hl7.org/fhir/R4/json.html, RFC 8259
"""

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient, with_mark

MALFORMED = [
    "",
    " ",
    "null",
    "[]",
    "true",
    "1",
    '"Patient"',
    "{",
    "}",
    '{"resourceType":"Patient"',
    '{"resourceType":"Patient",}',
    '{"resourceType":"Patient"}}',
    '{"resourceType":"Patient"} {"resourceType":"Patient"}',
    "{'resourceType':'Patient'}",
    '{resourceType:"Patient"}',
    '{"resourceType":"Patient"} // comment',
    '{"resourceType":"Patient","active":True}',
    '{"resourceType":"Patient","multipleBirthInteger":01}',
    '{"resourceType":"Patient","multipleBirthInteger":+1}',
    '{"resourceType":"Patient","multipleBirthInteger":0x10}',
    '{"resourceType":"Patient","gender":"a\tb"}',
    '{"resourceType":"Patient","gender":"a\nb"}',
    '{"resourceType":"Patient","gender":"\\x41"}',
    "<Patient xmlns='http://hl7.org/fhir'/>",
    "resourceType=Patient",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_not_a_json_object_is_400(fhir, text):
    refused(fhir.post("Patient", text.encode()), 400)
    id = fresh()
    refused(fhir.put(f"Patient/{id}", text.encode()), 400)
    refused(fhir.get(f"Patient/{id}"), 404)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1."])
def test_what_is_not_a_number_is_refused(fhir, number):
    body = (
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        f'"valueQuantity":{{"value":{number}}}}}'
    )
    refused(fhir.post("Observation", body.encode()), 400, 422)


DUPLICATES = [
    '"active":true,"active":false',
    '"active":true,"active":true',
    '"active":true,"active" :false',
    '"active":true,"active"\t\n:false',
    '"active":true,"\\u0061ctive":false',
    '"active":true,"activ\\u0065":false',
    '"name":[{"text":"a","text":"b"}]',
    '"name":[{"text":"a","t\\u0065xt" : "b"}]',
    '"resourceType":"Patient"',
    '"resourceType":"Observation"',
    # A text that looks like a property must not hide or feign one.
    '"name":[{"text":"\\":"}],"active":true,"active":false',
    '"contained":[{"resourceType":"Basic","id":"a","code":{"text":"x"},"code":{"text":"y"}}]',
]


@pytest.mark.parametrize("rest", DUPLICATES)
def test_a_property_that_is_there_twice_is_400(fhir, mark, rest):
    """RFC 8259 4 leaves their meaning open, so two readers could see two resources."""
    refused(fhir.post("Patient", with_mark(mark, rest).encode()), 400)


def test_a_text_that_looks_like_a_property_is_no_duplicate(fhir):
    stored = fhir.create(patient(name=[{"text": '":', "family": '"family":'}]))
    assert fhir.read("Patient", stored["id"])["name"][0]["text"] == '":'


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\xff",
        b"\xc3\x28",
        b"\xe4\xbd",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        "甲".encode("gb18030"),
    ],
)
def test_bytes_that_are_not_utf_8_are_400(fhir, mark, bytes_):
    body = with_mark(mark, '"name":[{"text":"?"}]').encode().replace(b"?", bytes_)
    refused(fhir.post("Patient", body), 400)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_another_encoding_of_json_is_400(fhir, mark, encoding):
    text = with_mark(mark, '"name":[{"text":"甲子"}]')
    refused(fhir.post("Patient", text.encode(encoding)), 400)


def test_a_byte_order_mark_is_400(fhir, mark):
    """RFC 8259 8.1: senders must not add one."""
    body = b"\xef\xbb\xbf" + with_mark(mark, '"active":true').encode()
    refused(fhir.post("Patient", body), 400)


@pytest.mark.parametrize(
    "text", ["\\ud800", "\\udfff", "\\ud800\\ud800", "\\udc00\\ud800", "\\u0000", "\\ud83d x"]
)
@pytest.mark.parametrize("place", ['"name":[{{"text":"a{}"}}]', '"a{}":true', '"language":"{}"'])
def test_half_characters_and_nul_are_refused(fhir, mark, text, place):
    body = with_mark(mark, place.format(text)).encode()
    refused(fhir.post("Patient", body), 400, 422)


@pytest.mark.parametrize("text", ["\\u0001", "\\u001f", "\\ufffe"])
def test_control_characters_are_refused_or_kept_but_never_fail(fhir, text):
    """https://hl7.org/fhir/R4/datatypes.html#string: no characters below 32 but tab, CR, LF."""
    body = f'{{"resourceType":"Patient","name":[{{"text":"a{text}b"}}]}}'.encode()
    assert fhir.post("Patient", body).status_code in (201, 400, 422)


@pytest.mark.parametrize(
    "type",
    [
        '"Observation"',
        '"Nonsense"',
        '"patient"',
        '"Patient "',
        '""',
        "null",
        "1",
        "true",
        "[]",
        "{}",
        '["Patient"]',
    ],
)
def test_another_resource_type_is_refused(fhir, type):
    id = fresh()
    body = f'{{"resourceType":{type},"id":"{id}"}}'.encode()
    refused(fhir.post("Patient", body), 400, 422)
    refused(fhir.put(f"Patient/{id}", body), 400, 422)
    refused(fhir.get(f"Patient/{id}"), 404)


def test_a_missing_resource_type_is_refused(fhir):
    refused(fhir.post("Patient", b'{"active":true}'), 400, 422)
    refused(fhir.post("Patient", b"{}"), 400, 422)


@pytest.mark.parametrize(
    "rest",
    [
        '"$where":"sleep(9999)"',
        '"name":[{"$gt":""}]',
        '"name.text":"x"',
        '"_id":"x"',
        '"__proto__":{"x":1}',
        '"":1',
        '"meta":{"versionId":{"$inc":1}}',
        '"meta":[]',
        '"meta":null',
        '"meta":"x"',
        '"meta":{"lastUpdated":5}',
        '"id":{"$ne":null}',
        '"id":null',
        '"id":[]',
        '"id":5',
        '"contained":[null]',
        '"contained":[[]]',
        '"contained":[{"resourceType":"Nonsense"}]',
        '"contained":[{"resourceType":5}]',
        '"contained":[{}]',
        '"contained":{}',
        '"extension":[{"url":"urn:x","valueNonsense":1}]',
        '"extension":[{"url":5}]',
        '"_gender":5',
        '"_gender":[]',
        '"_nonsense":{"id":"x"}',
        '"name":[null]',
        '"name":[[{"text":"x"}]]',
        '"identifier":5',
    ],
)
def test_shapes_that_mean_something_elsewhere_are_refused(fhir, mark, rest):
    answer = fhir.post("Patient", with_mark(mark, rest).encode())
    refused(answer, 400, 422)


@pytest.mark.parametrize(
    "div",
    [
        "<div>no namespace</div>",
        '<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><a onclick="x()">x</a></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml">',
        "plain text",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><div xmlns="http://www.w3.org/1999/xhtml">&b;</div>',
    ],
)
def test_a_narrative_that_is_active_or_broken_is_refused(fhir, div):
    """https://hl7.org/fhir/R4/narrative.html invariants txt-1, txt-2."""
    refused(fhir.post("Patient", patient(text={"status": "generated", "div": div})), 422)


def test_refusals_are_in_english_for_those_who_read_it(english):
    refused(english.post("Patient", b"{"), 400, language="en")
    refused(english.post("Patient", b"[" * 10_000), 400, 413, language="en")
    refused(english.post("Patient", b"\xff"), 400, language="en")
    refused(english.post("Patient", b"{}", Content_Encoding="br"), 415, language="en")
