"""The fixture world: real servers on a database, filled by writing to them, and what is in it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.processes import Server
from tests.security.access.content import Write, writes
from tests.security.access.oracle import Stored
from tests.security.access.tokens import FAR, NORTH, SOUTH, system
from tests.security.access.wire import Wire

BASE = "http://tongkang.test/fhir"
"""What every server of the world calls its base, so that their answers can be compared."""
MARK = "urn:test:mark"
WHOLE = "Bearer whole"
APPLICATION = "tests.security.access.application:make()"
_PLACES = {"1": NORTH, "2": SOUTH, "3": FAR}
HOSPITALS = {
    number: system(
        f"hospital-{number}", "system/*.cruds", organization=f"Organization/org-{number}",
        division=division,
    )
    for number, division in _PLACES.items()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """A server with the fixture world; `stored` are all versions in the order they were made."""

    wire: Wire
    stored: list[Stored]


def marked(write: Write, version: int) -> dict[str, object]:
    """Return the body of `write` with a mark by which a leak of this version is recognised."""
    mark = f"mark-{write.type}-{write.id}-v{version}"
    return {**(write.body or {}), "extension": [{"url": MARK, "valueString": mark}]}


def fill(wire: Wire, kept: Callable[[Write], bool] = lambda write: True) -> list[Stored]:
    """Write what the world holds, as far as it is to be `kept`; return every version."""
    stored: list[Stored] = []
    versions: dict[tuple[str, str], int] = {}
    for write in filter(kept, writes()):
        version = versions[write.type, write.id] = versions.get((write.type, write.id), 0) + 1
        writer = HOSPITALS[write.hospital] if write.hospital else WHOLE
        body = None if write.body is None else marked(write, version)
        method, path = ("DELETE" if body is None else "PUT"), f"{write.type}/{write.id}"
        answer = wire.send(method, path, writer, body)
        assert answer.status in (200, 201, 204), (path, answer.status, answer.body.decode())
        place = _PLACES.get(write.hospital or "")
        unit = f"Organization/org-{write.hospital}" if write.hospital else None
        stored.append(Stored(write.type, write.id, version, body, unit, place))
        if body is not None:
            assert answer.json["meta"]["versionId"] == str(version), path
    return stored


@contextmanager
def serving(
    mongodb_url: str, log: str, database: str, application: str = APPLICATION, **settings: object
) -> Iterator[Wire]:
    """Give the wire to a server on `database`, which is stopped afterwards."""
    given = {"mongodb_url": mongodb_url, "database": database, "base_url": BASE, "workers": 1}
    server = Server(log, application=application, **{**given, "access": "oauth", **settings})
    server.start()
    try:
        server.ready()
        wire = Wire(server.root, BASE)
        try:
            yield wire
        finally:
            wire.close()
    finally:
        server.end()


def database_name() -> str:
    """Return the name of a database that nobody else uses."""
    return f"test_{secrets.token_hex(6)}"
