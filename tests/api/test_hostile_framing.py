"""Requests that lie about where they begin and end, over bare sockets.

Spec: RFC 9112
"""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.api.client import FHIR_JSON, raw, refusal
from tests.builders import fresh, patient


@pytest.fixture
def prefix(base):
    return urlsplit(base).path.encode()


def body(mark):
    return json.dumps(patient(identifier=[{"value": mark}])).encode()


def head(prefix, *lines, method=b"POST", path=b"/Patient"):
    fixed = [b"Host: x", b"Content-Type: application/fhir+json"]
    return b"\r\n".join([method + b" " + prefix + path + b" HTTP/1.1", *fixed, *lines, b"", b""])


def chunked(*chunks):
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"".join(parts) + b"0\r\n\r\n"


def told(answer, *statuses):
    """Check that the server said no, and said it in FHIR."""
    assert answer.status in (statuses or range(400, 500)), (answer.status, answer.body[:300])
    assert answer.headers.get("content-type", "").split(";")[0] == FHIR_JSON, answer.body[:300]
    refusal(answer.body)


def test_the_raw_client_can_create(base, prefix, fhir):
    value = fresh()
    content = body(value)
    sent = head(prefix, b"Content-Length: %d" % len(content)) + content
    assert raw(base, sent).status == 201
    assert len(fhir.ids(f"Patient?identifier={value}")) == 1


def test_a_chunked_body_is_taken(base, prefix, fhir):
    value = fresh()
    content = body(value)
    sent = head(prefix, b"Transfer-Encoding: chunked") + chunked(content[:10], content[10:])
    assert raw(base, sent).status == 201
    assert len(fhir.ids(f"Patient?identifier={value}")) == 1


def test_a_body_longer_than_announced_is_cut_and_refused(base, prefix, mark):
    content = body(mark)
    told(raw(base, head(prefix, b"Content-Length: %d" % (len(content) - 5)) + content), 400)


def test_a_body_shorter_than_announced_is_refused_when_the_caller_ends(base, prefix, mark):
    content = body(mark)
    told(raw(base, head(prefix, b"Content-Length: %d" % (len(content) + 100)) + content), 400, 408)


def test_a_body_that_stops_does_not_stop_the_server(base, prefix, mark, fhir):
    """The caller keeps the line open and says nothing more; others are served meanwhile."""
    parts = urlsplit(base)
    content = body(mark)
    waiting = []
    try:
        for _ in range(6):
            connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
            connection.sendall(head(prefix, b"Content-Length: 100000") + content)
            waiting.append(connection)
        started = time.monotonic()
        assert fhir.get("metadata").status_code == 200
        assert time.monotonic() - started < 5
    finally:
        for connection in waiting:
            connection.close()


@pytest.mark.parametrize(
    "length",
    [
        b"-1",
        b"abc",
        b"1e3",
        b"0x10",
        b"1,2",
        b"+5",
        b"",
        b"5 5",
        b"\xef\xbc\x95",
        b"9" * 30,
        b"9" * 5000,
    ],
)
def test_a_length_that_is_none_is_refused(base, prefix, mark, length):
    told(raw(base, head(prefix, b"Content-Length: " + length) + body(mark)))


def test_a_length_beyond_the_limit_is_413_before_it_is_sent(base, prefix, mark):
    told(raw(base, head(prefix, b"Content-Length: 99999999999") + body(mark)), 413)


def test_two_different_lengths_are_refused(base, prefix, mark):
    """RFC 9112 6.3: the seed of request smuggling."""
    content = body(mark)
    lengths = (b"Content-Length: %d" % len(content), b"Content-Length: 4")
    told(raw(base, head(prefix, *lengths) + content))


def test_length_and_chunks_together_are_refused(base, prefix, mark):
    content = chunked(body(mark))
    lines = (b"Content-Length: %d" % len(content), b"Transfer-Encoding: chunked")
    told(raw(base, head(prefix, *lines) + content))


@pytest.mark.parametrize(
    "encoding",
    [b"chunked, chunked", b"gzip, chunked", b"xchunked", b"identity", b"chunked\x0b", b"nonsense"],
)
def test_another_transfer_encoding_is_refused(base, prefix, mark, encoding):
    answer = raw(base, head(prefix, b"Transfer-Encoding: " + encoding) + chunked(body(mark)))
    told(answer, 400)


@pytest.mark.parametrize(
    "garbage",
    [b"zz\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX\r\n0\r\n\r\n",
     b"ffffffffffffffffff\r\nhello", b"5\r\nhel", b"\r\n\r\n", b"0\r\n\r\n", b"5",
     b"5;" + b"x" * 100_000 + b"\r\nhello\r\n0\r\n\r\n"],
    ids=range(9),
)  # fmt: skip
def test_chunks_that_are_garbage_are_refused(base, prefix, mark, garbage):
    answer = raw(base, head(prefix, b"Transfer-Encoding: chunked") + garbage)
    told(answer)


def test_chunks_without_an_end_are_refused_beyond_the_limit(base, prefix, mark):
    many = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    told(raw(base, head(prefix, b"Transfer-Encoding: chunked") + many * 40, wait=60))


@pytest.mark.parametrize(
    ("line", "first"),
    [
        (b"Content-Length: 0", b'{"resourceType":"Patient","gender":"lady"}'),
        (b"Content-Length: 5", b'{"resourceType":"Patient","gender":"lady"}'),
        (b"Transfer-Encoding: chunked", b"zz\r\n"),
        (b"Transfer-Encoding: chunked", b"5\r\nhelloXX\r\n"),
        (b"Transfer-Encoding: chunked", b"-1\r\n\r\n"),
    ],
)
def test_a_request_hidden_behind_a_broken_body_is_not_answered(base, prefix, mark, line, first):
    """RFC 9112 11.2: where the framing is broken, nothing behind it can be trusted."""
    content = body(mark)
    hidden = head(prefix, b"Content-Length: %d" % len(content)) + content
    told(raw(base, head(prefix, line) + first + hidden))
    time.sleep(0.2)


@pytest.mark.parametrize(
    "line",
    [
        b"X-Big: " + b"x" * 100_000,
        b"Accept-Language: " + b"zh," * 30_000,
        b"Cookie: " + b"a=b;" * 50_000,
    ],
    ids=["one", "language", "cookie"],
)
def test_huge_headers_are_refused(base, prefix, mark, line):
    content = body(mark)
    told(raw(base, head(prefix, line, b"Content-Length: %d" % len(content)) + content))


def test_ten_thousand_headers_are_refused(base, prefix, mark):
    content = body(mark)
    lines = [b"X-%d: 1" % number for number in range(10_000)]
    told(raw(base, head(prefix, *lines, b"Content-Length: %d" % len(content)) + content))


@pytest.mark.parametrize(
    "line",
    [
        b"No colon",
        b": no name",
        b"Space : x",
        b"X: a\x00b",
        b"X: a\rb",
        b"X(y): z",
        b"\xff: x",
        b" folded: x",
    ],
)
def test_headers_that_are_none_are_refused(base, prefix, mark, line):
    content = body(mark)
    told(raw(base, head(prefix, line, b"Content-Length: %d" % len(content)) + content))


@pytest.mark.parametrize(
    "start",
    [b"GET", b"GET /fhir/metadata", b"GET /fhir/metadata HTTP/9.9", b"get /fhir/metadata HTTP/1.1",
     b"GET  /fhir/metadata HTTP/1.1", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0",
     b"GET fhir HTTP/1.1", b"GET /fhir/\x00 HTTP/1.1", b"A" * 100_000, b"\x00" * 1000,
     b"GET /" + b"a" * 100_000 + b" HTTP/1.1"],
    ids=range(12),
)  # fmt: skip
def test_a_first_line_that_is_none_is_refused(base, fhir, start):
    answer = raw(base, start + b"\r\nHost: x\r\n\r\n")
    told(answer, 400, 414)
    assert fhir.get("metadata").status_code == 200


@pytest.mark.parametrize(
    "line",
    [b"If-Match: \xff\xfe", b"If-None-Exist: identifier=\xff", b"Prefer: return=\xff",
     b"Accept: \xff/\xff", b"Accept-Language: \xff",
     b"If-None-Match: " + b'W/"1",' * 1000, b"X-Request-Id: \xff",
     b"Content-Encoding: \xff", b"Accept: " + b"," * 5000],
)  # fmt: skip
def test_header_values_that_are_not_text_never_fail_the_server(base, prefix, fhir, line):
    content = body(fresh())
    answer = raw(base, head(prefix, line, b"Content-Length: %d" % len(content)) + content)
    assert 200 <= answer.status < 500, answer
    assert fhir.get("metadata").status_code == 200


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (b"Content-Length: abc", 400, "invalid"),
        (b"Host: other", 400, "invalid"),
        (b"X: a\x00b", 400, "invalid"),
        (b"Transfer-Encoding: nonsense", 400, "invalid"),
        (b"Expect: a miracle", 417, "not-supported"),
        (b"X-Big: " + b"x" * 10_000, 431, "too-long"),
        (b"\r\n".join(b"X-%d: 1" % number for number in range(100)), 431, "too-long"),
    ],
)
def test_each_unreadable_request_has_its_own_refusal(base, prefix, line, status, code):
    answer = raw(base, head(prefix, line))
    told(answer, status)
    assert [issue["code"] for issue in refusal(answer.body)] == [code]
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-request-id"]


def test_a_long_first_line_is_414(base):
    answer = raw(base, b"GET /fhir/Patient?name=" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n")
    told(answer, 414)
    assert "_search" in refusal(answer.body)[0]["details"]["text"]


def test_an_unreadable_request_is_refused_in_the_language_of_its_caller(base, prefix):
    answer = raw(base, head(prefix, b"Accept-Language: en", b"Content-Length: abc"))
    assert answer.status == 400
    assert "Content-Length" in refusal(answer.body, "en")[0]["details"]["text"]


def test_expect_continue_is_answered(base, prefix):
    content = body(fresh())
    parts = urlsplit(base)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        lines = (b"Expect: 100-continue", b"Content-Length: %d" % len(content))
        connection.sendall(head(prefix, *lines))
        assert connection.recv(1024).startswith(b"HTTP/1.1 100")
        connection.sendall(content)
        assert b" 201 " in connection.recv(4096)


def test_a_connection_is_kept_after_a_refusal(fhir):
    """A refused body is read, or the connection closed, lest it be taken for a request."""
    for _ in range(5):
        assert fhir.post("Nonsense", b"x" * 200_000).status_code == 404
        assert fhir.post("Patient", b"x" * 200_000, Content_Type="text/plain").status_code == 415
        assert fhir.get("metadata").status_code == 200
