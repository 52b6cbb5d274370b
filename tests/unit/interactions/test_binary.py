"""Content that goes out of a Binary, and into one: https://hl7.org/fhir/R4/binary.html#rest."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import Unprocessable
from server.interactions import binary
from server.interactions.call import Call
from server.services import Interpreters
from server.settings import Settings
from server.store.documents import Version

FHIR = "application/fhir+json"


class _Context:
    interpreters = Interpreters.of(Settings())


def stored(type="application/pdf", data="AAE=", **more):
    return json.dumps(
        {"resourceType": "Binary", "contentType": type, "data": data, **more}
    ).encode()


@pytest.mark.parametrize(
    ("accepts", "type", "is_raw"),
    [
        ((), "application/pdf", False),
        (("*/*",), "application/pdf", True),
        (("application/*",), "application/pdf", True),
        (("application/pdf",), "Application/PDF; x=y", True),
        (("image/png",), "application/pdf", True),
        (("application/json",), "application/pdf", True),
        ((FHIR,), FHIR, False),
        ((FHIR, "*/*"), "application/pdf", False),
        (("*/*", FHIR), "application/pdf", True),
        (("image/png", FHIR), "application/pdf", False),
        (("image/png", "application/fhir+xml"), "application/pdf", False),
        (("application/json", FHIR), "application/json", True),
    ],
)
def test_what_is_named_is_asked_for(accepts, type, is_raw):
    found = binary.raw(Call(interaction="read", accepts=accepts), stored(type))
    assert (found is not None) == is_raw


@given(st.binary(min_size=1), st.sampled_from(["", "\n", " \r\n\t"]))
def test_every_byte_comes_out_as_it_went_in(data, space):
    sent = Call(interaction="create", type="Binary", body=data, raw_type="text/plain")
    read = Call(interaction="read", accepts=("*/*",))
    resource, body = binary.resource(_Context(), sent)
    assert json.loads(body) == {**resource, "data": b64encode(data).decode()}
    assert binary.raw(read, body) == ("text/plain", data)
    spaced = space.join(b64encode(data).decode())
    assert binary.raw(read, stored("text/plain", spaced)) == ("text/plain", data)


def test_content_made_of_a_request_is_a_valid_binary():
    call = Call(interaction="update", type="Binary", id="a", body=b"x", raw_type='a/b; c="d"',
                security_context="Patient/a")  # fmt: skip
    _, body = binary.resource(_Context(), call)
    assert _Context.interpreters.structure.faults(json.loads(body)) == []


@pytest.mark.parametrize(
    ("more", "context", "is_lost"),
    [
        ({}, None, False),
        ({"securityContext": {"reference": "Patient/a"}}, None, True),
        ({"securityContext": {"reference": "Patient/a"}}, "Patient/b", False),
        ({"language": "zh"}, None, True),
        ({"_contentType": {"id": "a"}}, None, True),
        ({"meta": {"versionId": "1", "security": [{"code": "R"}]}}, None, True),
    ],
)
def test_what_content_cannot_say_is_not_lost_by_it(more, context, is_lost):
    old = Version("Binary", "a", 1, 0, stored(**{"meta": {"versionId": "1"}, **more}))
    call = Call(interaction="update", raw_type="a/b", security_context=context)
    if is_lost:
        with pytest.raises(Unprocessable):
            binary.check_kept(call, old)
    else:
        binary.check_kept(call, old)
    binary.check_kept(Call(interaction="update"), old)
