"""Bodies that are not FHIR, or not JSON, or not even text: refused in words, nothing stored.

Spec: https://hl7.org/fhir/R4/json.html, RFC 8259
"""

import gzip
import json
import zlib

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient

MEGABYTE = 1024 * 1024


@pytest.fixture
def mark(fhir):
    """An identifier value that must not be found afterwards, when the server must still work."""
    value = fresh()
    yield value
    assert fhir.ids(f"Patient?identifier={value}") == []
    assert fhir.post("Patient", patient()).status_code == 201


def with_mark(mark, rest):
    """Return the text of a Patient that could be found, with `rest` as its further properties."""
    return f'{{"resourceType":"Patient","identifier":[{{"value":"{mark}"}}],{rest}}}'


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
    "nested",
    [
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '[{"a":' * 5_000 + "1" + "}]" * 5_000,
        "[" * 10_000,
        "[" * 200_000,
    ],
    ids=["arrays", "objects", "both", "open", "many open"],
)
def test_ten_thousand_levels_are_refused(fhir, mark, nested):
    refused(fhir.post("Patient", nested.encode()), 400, 413, 422)
    body = with_mark(mark, f'"extension":{nested}')
    refused(fhir.post("Patient", body.encode()), 400, 413, 422)


def test_deep_but_valid_extensions_are_refused_or_kept_but_never_fail(fhir):
    nested = '{"url":"urn:x","extension":[' * 500 + '{"url":"urn:x","valueCode":"x"}' + "]}" * 500
    answer = fhir.post("Patient", f'{{"resourceType":"Patient","extension":[{nested}]}}'.encode())
    assert answer.status_code in (201, 400, 413, 422)


def test_a_string_of_ten_megabytes_is_refused(fhir, mark):
    """https://hl7.org/fhir/R4/datatypes.html#string: strings SHALL NOT exceed 1 MB."""
    text = with_mark(mark, f'"name":[{{"text":"{"x" * 10 * MEGABYTE}"}}]')
    refused(fhir.post("Patient", text.encode()), 400, 413, 422)


def test_ten_megabytes_of_han_are_refused(fhir, mark):
    text = with_mark(mark, f'"name":[{{"text":"{"甲" * (10 * MEGABYTE // 3)}"}}]')
    refused(fhir.post("Patient", text.encode()), 400, 413, 422)


def test_a_property_name_of_ten_megabytes_is_refused_in_few_words(fhir, mark):
    answer = fhir.post("Patient", with_mark(mark, f'"{"x" * 10 * MEGABYTE}":1').encode())
    refused(answer, 400, 413, 422)
    assert len(answer.content) < 10_000


def test_a_hundred_thousand_faults_are_told_in_a_bounded_answer(fhir, mark):
    wrong = ",".join('{"given":[1]}' for _ in range(100_000))
    answer = fhir.post("Patient", with_mark(mark, f'"name":[{wrong}]').encode())
    refused(answer, 400, 413, 422)
    assert len(answer.content) < MEGABYTE


def test_a_resource_larger_than_a_document_can_be_is_refused(fhir, mark):
    """MongoDB holds 16 MB in one document; many short strings get there, too."""
    names = ",".join('{"text":"' + "x" * 1000 + '"}' for _ in range(20_000))
    refused(fhir.post("Patient", with_mark(mark, f'"name":[{names}]').encode()), 400, 413, 422)


@pytest.mark.parametrize(
    "digits", ["9" * 400, "1" * 100_000, "0." + "1" * 100_000, "1e" + "9" * 1000, "-" + "9" * 5000]
)
def test_endless_numbers_are_refused_or_kept_but_never_fail(fhir, digits):
    for rest in (f'"multipleBirthInteger":{digits}', f'"active":{digits}'):
        body = f'{{"resourceType":"Patient",{rest}}}'.encode()
        refused(fhir.post("Patient", body), 400, 413, 422)
    body = (
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        f'"valueQuantity":{{"value":{digits}}}}}'
    )
    answer = fhir.post("Observation", body.encode())
    assert answer.status_code in (201, 400, 413, 422)


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


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def test_a_gzip_body_is_unpacked(fhir):
    mark = fresh()
    body = packed(json.dumps(patient(identifier=[{"value": mark}])).encode())
    answer = fhir.post("Patient", body, Content_Encoding="gzip")
    assert answer.status_code == 201
    assert fhir.ids(f"Patient?identifier={mark}") == [answer.json()["id"]]


def broken_gzip(mark):
    good = packed(with_mark(mark, '"active":true').encode())
    return {
        "truncated": good[:-12],
        "without its sum": good[:-8],
        "a wrong sum": good[:-8] + b"\0\0\0\0" + good[-4:],
        "more behind it": good + b"more",
        "two members": good + good,
        "nothing": b"",
        "plain": with_mark(mark, '"active":true').encode(),
        "deflate": zlib.compress(with_mark(mark, '"active":true').encode()),
        "only a head": good[:10],
    }


@pytest.mark.parametrize("kind", broken_gzip("x"))
def test_a_gzip_body_that_is_broken_is_400(fhir, mark, kind):
    refused(fhir.post("Patient", broken_gzip(mark)[kind], Content_Encoding="gzip"), 400)


@pytest.mark.parametrize("megabytes", [40, 300])
def test_a_gzip_bomb_is_413(fhir, mark, megabytes):
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    blank = b" " * MEGABYTE
    start = with_mark(mark, '"active":true').encode()
    bomb = packer.compress(start) + b"".join(packer.compress(blank) for _ in range(megabytes))
    refused(fhir.post("Patient", bomb + packer.flush(), Content_Encoding="gzip"), 413)


def test_a_bomb_in_a_bomb_is_not_unpacked_twice(fhir, mark):
    inner = packed(with_mark(mark, '"active":true').encode())
    refused(fhir.post("Patient", packed(inner), Content_Encoding="gzip"), 400)
    refused(fhir.post("Patient", packed(inner), Content_Encoding="gzip, gzip"), 400, 415)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "compress", "nonsense", "gzip;q=1"])
def test_another_content_encoding_is_415(fhir, mark, encoding):
    body = with_mark(mark, '"active":true').encode()
    refused(fhir.post("Patient", body, Content_Encoding=encoding), 400, 415)


def test_a_body_larger_than_the_limit_is_413(fhir, mark):
    body = with_mark(mark, '"active":true').encode() + b" " * (40 * MEGABYTE)
    refused(fhir.post("Patient", body), 413)


def test_refusals_are_in_english_for_those_who_read_it(english):
    refused(english.post("Patient", b"{"), 400, language="en")
    refused(english.post("Patient", b"[" * 10_000), 400, 413, language="en")
    refused(english.post("Patient", b"\xff"), 400, language="en")
    refused(english.post("Patient", b"{}", Content_Encoding="br"), 415, language="en")
