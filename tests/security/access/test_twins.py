"""Twin worlds: what is not the caller's might as well not be there.

Each request is sent to a world with the rows of strangers and to one without them. Whatever tells
the two apart, a status, a header, a number, an order, is a leak, even if nobody thought of it.
"""

import re
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from tests.security.access.oracle import Oracle
from tests.security.access.tokens import BY_NAME
from tests.security.access.twins import ASKED, FAMILY, OFFICIALS
from tests.security.access.wire import Wire
from tests.security.access.world import WHOLE, database_name, fill, serving

LEAST_REQUESTS = 300
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CURSOR = re.compile(rb"_cursor=[A-Za-z0-9_-]+")
_MOMENT = re.compile(rb"20(?:2[6-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]{5})")
_OF_ITS_OWN = {"date", "x-request-id", "last-modified", "server", "content-length"}


@dataclass(frozen=True)
class Twins:
    """A world with all that there is, and for each token one without what it may not know."""

    having: Wire
    lacking: dict[str, Wire]


@pytest.fixture(scope="module")
def twins(mongodb_url, tmp_path_factory):
    """The worlds, each with a server of its own."""
    folder = tmp_path_factory.mktemp("twins")
    names = [database_name() for _ in range(3)]
    with ExitStack() as stack:
        having, family, officials = (
            stack.enter_context(serving(mongodb_url, folder / f"{name}.log", name))
            for name in names
        )
        oracle = Oracle(fill(having))
        for wire, group in ((family, FAMILY), (officials, OFFICIALS)):
            fill(wire, partial(is_known, oracle, [BY_NAME[name] for name in group]))
        lacking = dict.fromkeys(FAMILY, family) | dict.fromkeys(OFFICIALS, officials)
        yield Twins(having, lacking)


def is_known(oracle, tokens, write):
    """Tell whether one of `tokens` may know of any version of what is written."""
    return any(
        oracle.knows(token, stored, letter)
        for token in tokens
        for stored in oracle.versions[write.type, write.id]
        for letter in "rs"
    )


def told(wire, asked):
    """Return all that an answer tells, with what no two answers have in common masked."""
    got = wire.send(asked.method, asked.path, BY_NAME[asked.token], asked.body, **asked.headers)
    headers = {
        name: _UUID.sub(b"-", value.encode())
        for name, value in got.headers.items()
        if name not in _OF_ITS_OWN
    }
    body = _MOMENT.sub(b"-", _CURSOR.sub(b"-", _UUID.sub(b"-", got.body)))
    return got.status, headers, body


def test_there_are_many_such_requests():
    assert len({asked.name for asked in ASKED}) > LEAST_REQUESTS


@pytest.mark.parametrize(("name", "strange"), [("family", "b"), ("clinician-north", "f")])
def test_strangers_are_in_one_world_only(twins, name, strange):
    for path in (f"Patient/{strange}", f"Observation/lab-{strange}", f"Condition/con-{strange}"):
        assert twins.having.get(path, WHOLE).status == 200
        assert twins.lacking[name].get(path, WHOLE).status == 404
    assert twins.lacking[name].get("Observation/lab-a", WHOLE).status == 200


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_nothing_tells_that_a_stranger_is_there(twins, asked):
    assert told(twins.having, asked) == told(twins.lacking[asked.token], asked)
