"""No value makes a check work without end: what backtracks, backtracks over little.

A check that takes exponential time does not finish on these at all.
"""

import pytest

from server import content
from server.profiles import references
from server.profiles.bindings import code_checks
from server.profiles.definitions import load
from server.profiles.primitives import checks

FACTS = load(content.PROFILES / "r4")
CODES = code_checks(FACTS)
MIME_TYPES = CODES["http://hl7.org/fhir/ValueSet/mimetypes"]

# Each is a piece to repeat, after a beginning and before an end that does not fit.
HOSTILE = [
    ("a/b", ";a=b ", ";"),
    ("a/b", "; a=b", ";"),
    ("a/b", " ; a=b", "\n"),
    ('a/b;a="', ";a=b ", ""),
    ("a/b", ';a="b" ', ";"),
    ("a/b;a=", " ", ";;"),
    ("", "a ", " "),
    ("", "a", " \x00"),
    ("", "AAAA \t", "="),
    ("urn:oid:1", ".1", "."),
    ("urn:oid:1", ".10", ".01"),
    ("2024-01-01T00:00:00.", "1", "Y"),
    ("Patient", "/a", "/"),
    ("Patient/1", "/_history/1", "\n"),
    ("http://", "a/", " "),
    ("1", "e1", "e"),
]


@pytest.mark.parametrize(("start", "piece", "end"), HOSTILE)
def test_long_hostile_text_is_told_in_bounded_time(start, piece, end):
    text = start + piece * (10_000 // len(piece)) + end
    for check in (*checks(FACTS.primitives).values(), *CODES.values()):
        assert check(text) in (True, False)
    assert references.fault(text, FACTS.resource_types) in (
        None,
        "reference-form",
        "reference-type-unknown",
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("text/plain", True),
        ("text/plain; charset=utf-8", True),
        ("text/plain ;charset=utf-8", True),
        ('multipart/mixed; boundary="a; b "', True),
        ("application/dicom+json;transfer syntax", False),
        ("application/dicom;transfer-syntax=1.2 and 1.3;q=1", True),
        ("text/plain;a=b ", False),
        ("text/plain;a=", False),
        ("text/plain;a= ;b=c", False),
        ("text/plain;", False),
        ("text", False),
    ],
)
def test_mime_types(text, is_one):
    """https://www.rfc-editor.org/rfc/rfc2045#section-5.1."""
    assert MIME_TYPES(text) is is_one
