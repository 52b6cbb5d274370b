"""Every search parameter of R4 works, and finds every official example by its own values.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import json
import re
import tarfile
from collections import defaultdict
from zoneinfo import ZoneInfo

import pytest
from pymongo import IndexModel

from server import content
from server.profiles.definitions import load
from server.search.index import SearchIndex
from server.search.indexes import IndexTable
from server.search.query import QueryCompiler

BASE = "http://localhost/fhir"
ZONE = ZoneInfo("Asia/Shanghai")

# Those without an expression cannot be evaluated; in relationship, HL7 has exchanged the
# definitions of the two components, so that they do not fit their expressions.
NOT_SEARCHABLE = {
    "_query",
    "Patient.age",
    "Patient.birthOrderBoolean",
    "DocumentReference.relationship",
}
# HL7 publishes these to describe the specification itself, thousands of them.
OF_THE_SPECIFICATION = frozenset(
    {"CodeSystem", "ValueSet", "ConceptMap", "StructureDefinition", "SearchParameter"}
)
VALUES_OF_A_PARAMETER = 2


@pytest.fixture(scope="module")
def facts():
    return load(content.PROFILES / "r4")


@pytest.fixture(scope="module")
def index(facts):
    return SearchIndex(facts, ZONE, BASE)


@pytest.fixture(scope="module")
def queries(facts, index):
    return QueryCompiler(facts, ZONE, BASE, plans=index.plans)


@pytest.fixture(scope="module")
def examples(r4_package, facts):
    """The example resources by type and id."""
    found = defaultdict(dict)
    with tarfile.open(r4_package) as package:
        for member in package:
            name = member.name.removeprefix("package/")
            type = name.partition("-")[0]
            if type not in facts.resource_types or type in OF_THE_SPECIFICATION:
                continue
            resource = json.load(package.extractfile(member))
            if resource.get("resourceType") in facts.resource_types and "id" in resource:
                found[resource["resourceType"]][resource["id"]] = resource
    return found


WORDLESS = {("AuditEvent", "_text"), ("AuditEvent", "_content")}


def test_all_parameters_but_a_few_are_searchable(facts, queries):
    missing = set()
    for type in facts.resource_types:
        searchable = queries.searchable(type)
        for code, fact in facts.search_parameters[type].items():
            # The trail has no words, which each request would pay for.
            if code not in searchable and (type, code) not in WORDLESS:
                missing.add(code if code.startswith("_") else f"{fact.base[0]}.{code}")
    assert missing == NOT_SEARCHABLE


@pytest.fixture(scope="module")
def entries(index, examples):
    """The index entries of the examples, by type and id."""
    return {
        type: {id: index.entries(resource) for id, resource in resources.items()}
        for type, resources in examples.items()
    }


def test_entries_of_the_examples_are_the_same_each_time(index, examples, entries):
    compared = 0
    for type, resources in examples.items():
        for id, resource in resources.items():
            text = json.dumps(resource)
            # The largest are Bundles of the specification, whose words take seconds.
            if len(text) < 50_000:
                assert index.entries(json.loads(text)) == entries[type][id]
                compared += 1
    assert compared > 600


def test_fields_of_the_index_are_the_declared_ones(entries):
    fields = {field for of_type in entries.values() for one in of_type.values() for field in one}
    declared = [
        "t",
        "c",
        "pt",
        "ds",
        "de",
        "dl",
        "d",
        "n",
        "q",
        "s",
        "g",
        "w",
        "k",
        "o",
        "z",
        "comp",
        "sec",
        "geo",
        "has",
        "via",
    ]
    assert fields == set(declared)


def test_every_example_is_found_by_its_own_values(index, queries, index_table, database, entries):
    asked = 0
    for type, of_type in sorted(entries.items()):
        collection = database[type]
        models = [
            IndexModel(list(one.keys), name=one.name, **one.options)
            for one in index_table.indexes(type)
        ]
        collection.create_indexes(models)
        collection.insert_many({"_id": id, "lu": 0, **fields} for id, fields in of_type.items())
        for (code, value), ids in searches(of_type, index.main_fields(type)).items():
            query = queries.compile(type, [(code, value)])
            found = {one["_id"] for one in collection.find(query.condition, {"_id": 1})}
            asked += 1
            assert ids <= found, (type, code, value)
    assert asked > 1500


@pytest.fixture(scope="module")
def index_table(facts, index):
    return IndexTable(facts, index.plans)


def searches(entries, main):
    """Return searches for values of every parameter, with the ids that each has to find."""
    found = defaultdict(set)
    for id, fields in entries.items():
        for code, value in values(fields, main):
            found[code, value].add(id)
    of_each = defaultdict(list)
    for code, value in found:
        of_each[code].append(value)
    chosen = {(code, value) for code, all in of_each.items() for value in sample(all)}
    return {key: ids for key, ids in found.items() if key in chosen}


def sample(values):
    return values[:: max(1, len(values) // VALUES_OF_A_PARAMETER)][:VALUES_OF_A_PARAMETER]


def values(fields, main):
    """Yield the (parameter, value) pairs, as a query has them, that entries stand for."""
    yield from exact(fields)
    yield from ranges(fields)
    if "pt" in fields:
        yield main["pt"], fields["pt"]
    if "ds" in fields:
        yield main["ds"], f"ge{year(fields['ds'])}"


def exact(fields):
    for term in (*fields.get("t", ()), *fields.get("c", ())):
        code, _, value = term.partition("=")
        if ":" not in code and value:
            yield code, value.replace(",", r"\,").replace("$", r"\$")
    for entry in fields.get("s", ()):
        code, _, value = entry.partition("\x1f")[0].partition("=")
        if ":" not in code and value:
            yield code, re.sub(r"[\\,$|]", r"\\\g<0>", value[:100])


def ranges(fields):
    for entry in (*fields.get("n", ()), *fields.get("q", ())):
        if not entry.get("u"):
            yield entry["p"], f"ge{entry['lo']:.12g}" if entry["lo"] > float("-inf") else "lt1e9"
    for entry in fields.get("d", ()):
        yield entry["p"], f"ge{year(entry['s'])}"


def year(microseconds):
    """Return a year not after that moment, in four digits."""
    return f"{max(1, min(1969 + microseconds // (366 * 86_400_000_000), 9999)):04}"
