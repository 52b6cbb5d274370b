"""Connections that are kept: who waits for whom.

Spec: RFC 9112 section 9.3
"""

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

REQUEST = b"GET /fhir/Patient/%s HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def connect(base):
    """Open a connection to the server; all are closed in the end."""
    parts = urlsplit(base)
    with ExitStack() as stack:

        def opened():
            address = (parts.hostname, parts.port)
            return stack.enter_context(socket.create_connection(address, timeout=10))

        yield opened


def answered(reader):
    """Read one answer and return the id that its OperationOutcome tells of."""
    status = reader.readline()
    assert b" 404 " in status, status
    length = 0
    while (line := reader.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    text = reader.read(length).decode()
    return text.partition("Patient/")[2].partition(" ")[0].partition("。")[0]


def test_many_kept_connections_share_few_threads(connect):
    """Five times as many callers as threads, each with one request after the other."""
    connections = [connect() for _ in range(120)]
    readers = [connection.makefile("rb") for connection in connections]
    for turn in range(3):
        for number, connection in enumerate(connections):
            connection.sendall(REQUEST % b"c%d-%d" % (number, turn))
        told = [answered(reader) for reader in readers]
        assert told == [f"c{number}-{turn}" for number in range(120)]


def test_requests_sent_together_are_answered_in_order(connect):
    """RFC 9112 9.3.2."""
    connection = connect()
    connection.sendall(b"".join(REQUEST % b"p%d" % number for number in range(50)))
    reader = connection.makefile("rb")
    assert [answered(reader) for _ in range(50)] == [f"p{number}" for number in range(50)]


def test_a_request_in_pieces_is_answered(connect):
    connection = connect()
    reader = connection.makefile("rb")
    for turn in range(3):
        whole = REQUEST % b"s%d" % turn
        for start in range(0, len(whole), 9):
            connection.sendall(whole[start : start + 9])
        assert answered(reader) == f"s{turn}"
