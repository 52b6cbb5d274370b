"""Any search finds what a second, slow and independent reading of the specification finds.

Each world is some sixty random resources; each query on it is answered twice: by the server, and
by `tests.oracle`, which looks at every resource. ``TONGKANG_ORACLE_WORLDS`` and
``TONGKANG_ORACLE_QUERIES`` set how many worlds there are and how many queries on each;
``TONGKANG_ORACLE_FIRST`` where the numbering of worlds starts.

Spec: https://hl7.org/fhir/R4/search.html
"""

import json
import os
import time
from random import Random
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests import processes
from tests.api.client import Client
from tests.oracle import generator
from tests.oracle.queries import queries
from tests.oracle.world import World

WORLDS = int(os.environ.get("TONGKANG_ORACLE_WORLDS", "4"))
QUERIES = int(os.environ.get("TONGKANG_ORACLE_QUERIES", "150"))
FIRST = int(os.environ.get("TONGKANG_ORACLE_FIRST", "0"))
many = settings(
    max_examples=QUERIES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


@pytest.fixture(scope="module")
def fhir(mongodb_url, database, tmp_path_factory):
    """A client of a server of its own, on the database of this module."""
    log = tmp_path_factory.mktemp("oracle") / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=database.name, workers=1)
    server.start()
    client = Client(server.ready().base)
    try:
        yield client
    finally:
        client.session.close()
        server.stop()


@pytest.fixture(scope="module")
def worlds(fhir, database):
    """Returns a function that puts the world of a number into the server, and nothing else."""

    def made(number):
        for name in database.list_collection_names():
            if name.split("_")[0] in generator.TYPES:
                database[name].delete_many({})
        stored = {}
        for resource in generator.world(Random(number), fhir.base):
            key = resource["resourceType"], resource["id"]
            answer = fhir.put("/".join(key), resource)
            assert answer.status_code == 201, (resource, answer.text)
            stored[key] = json.loads(answer.content, parse_float=str)
        return World(stored, fhir.base, time.time_ns() // 1000)

    return made


def found(fhir, type, parameters):
    """Return the ids of all pages, each at most once."""
    url = f"{type}?{urlencode([*parameters, ('_count', '7')])}"
    ids = []
    while url:
        answer = fhir.get(url)
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        ids += [one["resource"]["id"] for one in bundle.get("entry", ())]
        links = {one["relation"]: one["url"] for one in bundle["link"]}
        url = links.get("next", "").removeprefix(f"{fhir.base}/")
    assert len(ids) == len(set(ids)), "no page repeats another"
    return set(ids)


@pytest.mark.parametrize("number", range(FIRST, FIRST + WORLDS))
def test_a_search_finds_what_the_specification_says(fhir, worlds, number):
    world = worlds(number)

    @many
    @given(asked=queries(world))
    def check(asked):
        type, parameters = asked
        expected = world.search(type, parameters)
        got = found(fhir, type, parameters)
        assert got == expected, told(world, type, got, expected)

    check()


def told(world, type, got, expected):
    """Return the resources that one reading finds and the other does not."""
    sides = (("missed", expected - got), ("too many", got - expected))
    return "\n".join(
        f"{word}: {json.dumps(world.resources[type, id], ensure_ascii=False)}"
        for word, ids in sides
        for id in sorted(ids)[:2]
    )
