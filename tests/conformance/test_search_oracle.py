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
from dataclasses import dataclass
from itertools import product
from random import Random
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests import processes
from tests.api.client import Client
from tests.oracle import generator
from tests.oracle.askings import compartments, filters, includes, orders
from tests.oracle.parts import DATES, NUMBERS, UCUM
from tests.oracle.queries import PREFIXES, plain, queries
from tests.oracle.results import included, is_ordered
from tests.oracle.texts import escaped
from tests.oracle.values import codes, simple
from tests.oracle.world import World

WORLDS = int(os.environ.get("TONGKANG_ORACLE_WORLDS", "2"))
QUERIES = int(os.environ.get("TONGKANG_ORACLE_QUERIES", "45"))
FIRST = int(os.environ.get("TONGKANG_ORACLE_FIRST", "0"))
IMPLIED = [
    "http://hl7.org/fhir/administrative-gender",
    "http://terminology.hl7.org/CodeSystem/special-values",
]
NUMERALS = [str(number) for number in NUMBERS]


def many(examples):
    """Return the settings for so many examples, the same each time."""
    return settings(
        max_examples=examples,
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
        server.end()


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


@dataclass(frozen=True, slots=True)
class Answer:
    """All pages of a search: the keys of its matches in order, and of what was included."""

    matches: list[tuple[str, str]]
    included: set[tuple[str, str]]
    totals: set[int]

    @property
    def ids(self):
        return [id for _, id in self.matches]


def answered(fhir, path, parameters, count=7):
    """Return the answer to a search, every page of which is read."""
    pages = fhir.pages(f"{path}?{urlencode([*parameters, ('_count', str(count))])}")
    rows = [row for page in pages for row in page.get("entry", ())]
    by_mode = {"match": [], "include": []}
    for row in rows:
        resource = row["resource"]
        by_mode[row["search"]["mode"]].append((resource["resourceType"], resource["id"]))
    matches, included = by_mode["match"], by_mode["include"]
    assert len(matches) == len(set(matches)), "no page repeats another"
    totals = {page["total"] for page in pages if "total" in page}
    return Answer(matches, set(included), totals)


@pytest.fixture(scope="module", params=range(FIRST, FIRST + WORLDS))
def world(request, worlds):
    """One world after the other, each with everything in the server."""
    return worlds(request.param)


def test_a_search_finds_what_the_specification_says(fhir, world):
    @many(QUERIES)
    @given(asked=queries(world))
    def check(asked):
        type, parameters = asked
        expected = world.search(type, parameters)
        answer = answered(fhir, type, [*parameters, ("_total", "accurate")])
        assert set(answer.ids) == expected, told(world, type, set(answer.ids), expected)
        assert answer.totals == {len(expected)}

    check()


@pytest.mark.parametrize(
    ("type", "code", "texts"),
    [
        ("Observation", "date", DATES),
        ("Encounter", "location-period", DATES),
        ("Patient", "birthdate", DATES),
        ("RiskAssessment", "probability", [*NUMERALS, "0.2", "0.3"]),
        ("ChargeItem", "factor-override", [*NUMERALS, "1e2", "1.0E2", "+5"]),
        ("Observation", "value-quantity", NUMERALS),
        ("Observation", "combo-value-quantity", [f"{one}|{UCUM}|g" for one in NUMERALS]),
        ("ChargeItem", "price-override", [f"{one}|urn:iso:std:iso:4217|CNY" for one in NUMERALS]),
    ],
)
def test_each_prefix_relates_as_its_row_says(fhir, world, type, code, texts):
    """https://hl7.org/fhir/R4/search.html#prefix."""
    asked = [(code, prefix + text) for prefix, text in product(PREFIXES, texts)]
    assert differences(fhir, world, type, asked) == {}


@pytest.mark.parametrize(
    ("type", "code"),
    [
        ("Observation", "code"),
        ("Observation", "combo-code"),
        ("Patient", "identifier"),
        ("Patient", "telecom"),
        ("Patient", "gender"),
        ("Patient", "active"),
        ("Encounter", "class"),
    ],
)
def test_each_form_of_a_token_finds_what_its_row_says(fhir, world, type, code):
    """https://hl7.org/fhir/R4/search.html#token."""
    nodes = [node for one in world.of(type) for node in simple(world.nodes(one, code))]
    pairs = {pair for node in nodes for pair in codes(node)} | {("urn:none", "8310-5")}
    systems = sorted({system for system, _ in pairs if system}) + IMPLIED
    written = sorted({escaped(code) for _, code in pairs if code})
    values = [f"{escaped(system)}|{text}" for system in systems for text in ("", *written)]
    values += [*written, *(f"|{text}" for text in written)]
    asked = [(name, value) for name in (code, f"{code}:not") for value in values]
    assert differences(fhir, world, type, asked) == {}


@pytest.mark.parametrize(
    ("type", "code"),
    [("Observation", "subject"), ("Observation", "patient"), ("Provenance", "target")],
)
def test_each_form_of_a_reference_finds_what_its_row_says(fhir, world, type, code):
    """https://hl7.org/fhir/R4/search.html#reference."""
    asked = []
    for kind, id in world.resources:
        if kind in ("Patient", "Group", "Location"):
            at = f"{kind}/{id}"
            forms = (at, id, f"{fhir.base}/{at}", f"http://other.cn/fhir/{at}", f"{at}/_history/1")
            asked += [(code, form) for form in forms]
    asked += [(f"{code}:Patient", id) for kind, id in world.resources if kind == "Patient"]
    assert differences(fhir, world, type, asked) == {}


def differences(fhir, world, type, asked):
    """Return what the server finds and what it ought to find, where these are not the same."""
    found = {}
    for name, value in asked:
        expected = world.search(type, [(name, value)])
        got = set(answered(fhir, type, [(name, value)], count=1000).ids)
        if got != expected:
            found[f"{name}={value}"] = sorted(got), sorted(expected)
    return found


def test_a_filter_finds_what_its_tree_says(fhir, world):
    @many(QUERIES // 3)
    @given(type=st.sampled_from(generator.TYPES), data=st.data())
    def check(type, data):
        tree = data.draw(filters(world, type))
        note(tree.text())
        expected = {one["id"] for one in world.of(type) if tree.holds(world, one)}
        got = set(answered(fhir, type, [("_filter", tree.text())]).ids)
        assert got == expected, told(world, type, got, expected)

    check()


def test_a_compartment_holds_what_its_definition_says(fhir, world):
    @many(QUERIES // 4)
    @given(asked=compartments(world))
    def check(asked):
        owner, type, parameters = asked
        found = world.search(type, parameters)
        expected = {id for id in found if world.within(owner, world.resources[type, id])}
        got = set(answered(fhir, f"{'/'.join(owner)}/{type}", parameters).ids)
        assert got == expected, told(world, type, got, expected)

    check()


def test_several_types_are_searched_as_each_is(fhir, world):
    @many(QUERIES // 6)
    @given(types=st.sets(st.sampled_from(generator.TYPES), min_size=1, max_size=4), data=st.data())
    def check(types, data):
        code = data.draw(st.sampled_from(("_tag", "_profile", "_security", "_source", "_id")))
        name, value = data.draw(
            plain(world, world.of(data.draw(st.sampled_from(sorted(types)))), code)
        )
        expected = {(type, id) for type in types for id in world.search(type, [(name, value)])}
        answer = answered(fhir, "", [("_type", ",".join(sorted(types))), (name, value)])
        assert set(answer.matches) == expected

    check()


def test_an_order_is_the_one_that_is_asked(fhir, world):
    @many(QUERIES // 4)
    @given(asked=orders(world))
    def check(asked):
        type, keys = asked
        answer = answered(fhir, type, [("_sort", ",".join(keys))], count=3)
        assert set(answer.ids) == {one["id"] for one in world.of(type)}
        assert is_ordered(world, type, answer.ids, keys), answer.ids

    check()


def test_what_is_included_is_what_references_lead_to(fhir, world):
    @many(QUERIES // 4)
    @given(asked=includes(world))
    def check(asked):
        type, parameters = asked
        ids = {one["id"] for one in world.of(type)}
        answer = answered(fhir, type, parameters, count=1000)
        assert answer.included == included(world, type, ids, parameters)

    check()


def told(world, type, got, expected):
    """Return the resources that one reading finds and the other does not."""
    sides = (("missed", expected - got), ("too many", got - expected))
    return "\n".join(
        f"{word}: {json.dumps(world.resources[type, id], ensure_ascii=False)}"
        for word, ids in sides
        for id in sorted(ids)[:2]
    )
