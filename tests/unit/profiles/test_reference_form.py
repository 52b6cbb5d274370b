"""The form of references: https://hl7.org/fhir/R4/references.html#literal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.reference import is_id
from server.profiles.references import fault, is_reference

TYPES = frozenset({"Patient", "Observation"})
UUID = "C757873d-ec9a-4326-a141-556f43239520"


@pytest.mark.parametrize(
    "text",
    [
        "Patient/1",
        "Patient/a.b-C",
        f"Patient/{'a' * 64}",
        "Observation/1/_history/2",
        "#",
        "#p1",
        "http://example.org/fhir/Patient/1",
        "https://example.org/fhir/Patient/1/_history/3",
        "https://example.org/任何",
        f"urn:uuid:{UUID}",
        "urn:oid:2.16.156.10011.1.3",
    ],
)
def test_literal_references(text):
    assert fault(text, TYPES) is None
    assert is_reference(TYPES)(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient/1", "reference-type-unknown"),
        ("Paitent/1", "reference-type-unknown"),
        ("Encounter/1", "reference-type-unknown"),
        ("Patient?identifier=a|1", "reference-conditional"),
        ("Patient", "reference-form"),
        ("Patient/", "reference-form"),
        ("Patient/a_b", "reference-form"),
        (f"Patient/{'a' * 65}", "reference-form"),
        ("Patient/1/", "reference-form"),
        ("Patient/1/_history", "reference-form"),
        ("Patient/1/_history/", "reference-form"),
        ("/Patient/1", "reference-form"),
        ("Patient/.", "reference-form"),
        ("Patient/a..b", "reference-form"),
        ("Patient/1/_history/..", "reference-form"),
        ("#..", "reference-form"),
        ("../Patient/1", "reference-form"),
        ("Patient/1\n", "reference-form"),
        ("#a b", "reference-form"),
        ("http://", "reference-form"),
        ("http://a b", "reference-form"),
        ("ftp://example.org/Patient/1", "reference-form"),
        ("javascript:alert(1)", "reference-form"),
        ("urn:uuid:1", "reference-form"),
        ("urn:oid:1.02", "reference-form"),
        ("王伟", "reference-form"),
    ],
)
def test_other_forms_are_refused(text, message):
    assert fault(text, TYPES) == message
    assert not is_reference(TYPES)(text)


def test_only_a_string_is_a_reference():
    assert not is_reference(TYPES)({"reference": "Patient/1"})
    assert not is_reference(TYPES)(1)


@given(st.from_regex(r"[A-Za-z0-9.\-]{1,64}", fullmatch=True).filter(is_id))
def test_every_id_can_be_referred_to(id):
    assert fault(f"Patient/{id}", TYPES) is None
    assert fault(f"#{id}", TYPES) is None
