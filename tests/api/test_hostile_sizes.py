"""Bodies that are too deep, too long or too many: refused in few words, nothing stored.

Spec: https://hl7.org/fhir/R4/datatypes.html#string, RFC 8259 9
"""

import pytest

from tests.api.client import refused
from tests.builders import with_mark

MEGABYTE = 1024 * 1024


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


def test_a_body_larger_than_the_limit_is_413(fhir, mark):
    body = with_mark(mark, '"active":true').encode() + b" " * (40 * MEGABYTE)
    refused(fhir.post("Patient", body), 413)
