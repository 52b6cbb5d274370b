"""What a body is that is sent to Binary: https://hl7.org/fhir/R4/binary.html#rest."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api import content
from server.fhir.outcome import BadRequest, TooLarge, UnsupportedMediaType

LIMIT = 1000
BINARY = b'{"resourceType":"Binary","contentType":"text/plain"}'
XML = b'<Binary xmlns="http://hl7.org/fhir"/>'
FHIR = "application/fhir+json"


def read(body, type, **headers):
    environ = {
        "CONTENT_TYPE": type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    return content.read(environ, LIMIT)


@pytest.mark.parametrize(
    ("body", "type", "is_resource"),
    [
        (BINARY, FHIR, True),
        (BINARY, "application/json", True),
        (BINARY, "text/json; charset=utf-8", True),
        (BINARY, "text/plain", False),
        (BINARY, "application/octet-stream", False),
        (b'{"resourceType":"Patient"}', FHIR, False),
        (b'{"resourceType":"Patient"}', "application/json", False),
        (b"{", FHIR, True),
        (b"{", "application/json", False),
        (b"{}", FHIR, True),
        (b"{}", "application/json", False),
        (b"[" * 900, FHIR, True),
        (XML, "application/fhir+xml", True),
        (b"<?xml version='1.0'?>\n<!-- a --><f:Binary/>", "text/xml", True),
        (b"<Patient/>", "application/fhir+xml", False),
        (b"<!-- <Binary/> --><svg/>", "application/xml", False),
        (XML, "image/svg+xml", False),
        (b"Binary", "application/fhir+xml", True),
        (b"Binary", "application/xml", False),
        (b'{"a":' * 150, "application/json", False),
    ],
)
def test_a_body_is_a_binary_or_the_content_of_one(body, type, is_resource):
    sent = read(body, type)
    assert sent.body == body
    assert (sent.raw_type is None) == is_resource


def test_the_security_context_goes_with_content_only():
    sent = read(b"x", "text/plain", x_security_context="Patient/a")
    assert sent.security_context == "Patient/a"
    with pytest.raises(BadRequest):
        read(BINARY, FHIR, x_security_context="Patient/a")


def test_limits_and_types_hold_for_content_as_for_resources():
    with pytest.raises(TooLarge):
        read(b"x" * (LIMIT + 1), "text/plain")
    for type in ("", "text", "text/plain, text/html"):
        with pytest.raises(UnsupportedMediaType):
            read(b"x", type)
    with pytest.raises(UnsupportedMediaType):
        read(BINARY, f"{FHIR}; charset=gb18030")


_JSON = st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner))


@given(
    st.binary(max_size=300) | _JSON.map(lambda value: json.dumps(value).encode()[:LIMIT]),
    st.sampled_from([FHIR, "application/json", "text/plain"]) | st.text(max_size=40),
)
def test_any_body_is_taken_as_it_is_or_refused(body, type):
    with suppress(BadRequest, TooLarge, UnsupportedMediaType):
        assert read(body, type).body == body
