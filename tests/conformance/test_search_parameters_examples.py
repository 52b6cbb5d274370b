"""Every official example is found by each value that each search parameter has in it.

The values are taken from the examples by the second reading of the specification in
`tests.oracle`, not by the server's own. By default two values of every parameter of every type
are searched; with ``TONGKANG_EVERY_VALUE=1`` all values of all examples, those too that describe
the specification itself, which takes long.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import json
import os
import tarfile
from collections import Counter, defaultdict
from zoneinfo import ZoneInfo

import pytest

from server import content
from server.fhir.outcome import FhirError
from server.profiles import definitions
from server.search.index import SearchIndex
from server.search.query import QueryCompiler
from tests.oracle.facts import facts
from tests.oracle.own_values import searches
from tests.oracle.world import World

EVERY = os.environ.get("TONGKANG_EVERY_VALUE") == "1"
OF_THE_SPECIFICATION = frozenset(
    {"CodeSystem", "ValueSet", "ConceptMap", "StructureDefinition", "SearchParameter"}
)
VALUES_OF_A_PARAMETER = 2
LARGEST = 200_000
ID = range(1, 65)  # one example has an id that is too long
BASE = "http://localhost/fhir"
ZONE = ZoneInfo("Asia/Shanghai")
# They have no expression, one that fits no data, or a value that the server alone gives.
NOT_SEARCHED = frozenset({"_text", "_content", "_query", "_filter", "near", "_lastUpdated"})
NOT_EVALUATED = frozenset({("DocumentReference", "relationship")})


@pytest.fixture(scope="module")
def bodies(r4_package):
    """The example resources as they are published, by type and id."""
    found = {}
    with tarfile.open(r4_package) as package:
        for member in package:
            type = member.name.removeprefix("package/").partition("-")[0]
            usual = type in facts().types and type not in OF_THE_SPECIFICATION
            if (usual or EVERY) and member.name.endswith(".json") and member.size < LARGEST:
                body = package.extractfile(member).read()
                resource = json.loads(body)
                if (
                    resource.get("resourceType") in facts().types
                    and len(resource.get("id", "")) in ID
                ):
                    found[resource["resourceType"], resource["id"]] = body
    return found


@pytest.fixture(scope="module")
def examples(bodies):
    """The example resources with the digits that their decimals were written with."""
    return [json.loads(body, parse_float=str) for body in bodies.values()]


@pytest.fixture(scope="module")
def known():
    """HL7's facts as the server reads them."""
    return definitions.load(content.PROFILES / "r4")


@pytest.fixture(scope="module")
def index(known):
    return SearchIndex(known, ZONE, BASE, with_words=False)


@pytest.fixture(scope="module")
def find(known, index, database, bodies):
    """Returns a function that searches the examples; without indexes, for few are of one type."""
    queries = QueryCompiler(known, ZONE, BASE, plans=index.plans)
    rows = defaultdict(list)
    for (type, id), body in bodies.items():
        rows[type].append({"_id": id, "lu": 0, **index.entries(json.loads(body))})
    for type, documents in rows.items():
        database[type].insert_many(documents)

    def find(resource, code, value):
        type = resource["resourceType"]
        try:
            condition = queries.compile(type, [(code, value)]).condition
        except FhirError as refusal:
            return [str(refusal)]
        where = {"$and": [{"_id": resource["id"]}, condition]}
        return [one["_id"] for one in database[type].find(where, {"_id": 1})]

    return find


@pytest.fixture(scope="module")
def asked(examples):
    """What is searched: (resource, code, value)."""
    found, of_each = [], Counter()
    for resource in examples:
        type = resource["resourceType"]
        for code in sorted(facts().parameters[type].keys() - NOT_SEARCHED):
            if (type, code) in NOT_EVALUATED:
                continue
            for value in [resource["id"]] if code == "_id" else searches(resource, code):
                of_each[type, code] += 1
                if EVERY or of_each[type, code] <= VALUES_OF_A_PARAMETER:
                    found.append((resource, code, value))
    return found


def test_most_parameters_have_a_value_in_some_example(asked):
    pairs = {(resource["resourceType"], code) for resource, code, _ in asked}
    assert len(pairs) > 1000
    assert len({facts().parameters[type][code]["url"] for type, code in pairs}) > 800


def test_the_second_reading_finds_each_of_its_own_values(asked):
    missed = []
    for resource, code, value in asked:
        world = World({(resource["resourceType"], resource["id"]): resource}, BASE, 0)
        if code != "phonetic" and not world.holds(resource, code, value):
            missed.append((resource["resourceType"], resource["id"], code, value))
    assert not missed, told(missed)


def test_every_example_is_found_by_its_values(asked, find):
    missed = [
        (resource["resourceType"], resource["id"], code, value)
        for resource, code, value in asked
        if find(resource, code, value) != [resource["id"]]
    ]
    assert not missed, told(missed)
    assert len(asked) > 1500


def told(missed):
    """Return the first of what was `missed`, one a line."""
    return "\n".join(map(str, [len(missed), *missed[:20]]))
