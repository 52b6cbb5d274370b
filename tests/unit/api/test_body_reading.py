"""A body is read whole, unpacked, and never beyond its limit."""

import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api import body
from server.fhir.outcome import BadRequest, RequestTimeout, TooLarge, UnsupportedMediaType

LIMIT = 1000


def environ(sent, announced=None, *, chunked=False, **headers):
    """Return the WSGI environ of a request with the body `sent`."""
    length = str(len(sent) if announced is None else announced)
    framing = {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": length}
    names = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return {"wsgi.input": io.BytesIO(sent), **framing, **names}


def packed(sent, **headers):
    return environ(gzip.compress(sent), content_encoding="gzip", **headers)


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_sent_is_read(size, chunked):
    sent = b"x" * size
    assert body.read(environ(sent, chunked=chunked), LIMIT) == sent


@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_the_limit_is_refused(chunked):
    with pytest.raises(TooLarge):
        body.read(environ(b"x" * (LIMIT + 1), chunked=chunked), LIMIT)


def test_what_is_announced_as_too_large_is_not_read():
    request = environ(b"x" * 10, LIMIT + 1)
    with pytest.raises(TooLarge):
        body.read(request, LIMIT)
    assert request["wsgi.input"].tell() == 0


def test_less_than_announced_is_refused():
    with pytest.raises(BadRequest):
        body.read(environ(b"x" * 9, 10), LIMIT)


def test_more_than_announced_belongs_to_the_next_request():
    request = environ(b"x" * 10, 4)
    assert body.read(request, LIMIT) == b"xxxx"
    assert request["wsgi.input"].read() == b"xxxxxx"


@pytest.mark.parametrize("announced", ["-1", "+3", "1e3", "３", "0x10", " "])
def test_a_length_that_is_no_number_is_refused(announced):
    with pytest.raises(BadRequest):
        body.read(environ(b"", announced), LIMIT)


@pytest.mark.parametrize("coding", ["gzip", "chunked, gzip", "identity"])
def test_another_transfer_coding_than_chunked_is_refused(coding):
    with pytest.raises(BadRequest):
        body.read(environ(b"x", transfer_encoding=coding), LIMIT)


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_a_packed_body_is_unpacked(size):
    assert body.read(packed(b"x" * size), LIMIT) == b"x" * size


@pytest.mark.parametrize("size", [LIMIT + 1, 5_000_000])
def test_the_limit_holds_for_what_is_unpacked(size):
    with pytest.raises(TooLarge):
        body.read(packed(b"\0" * size), LIMIT if size < 5000 else 10 * LIMIT)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{}",
        gzip.compress(b"{}", mtime=0)[:-1],
        gzip.compress(b"{}", mtime=0) + b"x",
        gzip.compress(b"{}", mtime=0) * 2,
        zlib.compress(b"{}"),
    ],
)
def test_what_is_not_one_whole_gzip_is_refused(sent):
    with pytest.raises(BadRequest):
        body.read(environ(sent, content_encoding="gzip"), LIMIT)


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_another_packing_is_refused(coding):
    with pytest.raises(UnsupportedMediaType):
        body.read(environ(b"x", content_encoding=coding), LIMIT)


@pytest.mark.parametrize(
    ("failure", "refusal"),
    [
        (TimeoutError, RequestTimeout),
        (BlockingIOError, RequestTimeout),
        (ConnectionResetError, BadRequest),
    ],
)
def test_a_connection_that_fails_is_told_apart(failure, refusal):
    class Broken(io.RawIOBase):
        def read(self, _size=-1):
            raise failure

    with pytest.raises(refusal):
        body.read({"wsgi.input": Broken(), "CONTENT_LENGTH": "5"}, LIMIT)


def test_an_unwanted_body_is_read_away_and_never_refused():
    request = environ(b"x" * 10)
    body.drain(request, LIMIT)
    assert request["wsgi.input"].read() == b""
    body.drain(environ(b"x" * 9, 10), LIMIT)


@given(st.binary(max_size=2 * LIMIT), st.booleans())
def test_any_body_comes_back_unchanged_or_is_refused(sent, is_packed):
    request = packed(sent) if is_packed else environ(sent)
    if len(sent) <= LIMIT:
        assert body.read(request, LIMIT) == sent
    else:
        with pytest.raises(TooLarge):
            body.read(request, LIMIT)
