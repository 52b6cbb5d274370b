"""A naive reading of what the specification says of compositions, and compositions at random."""

from functools import cache

import orjson
from hypothesis import strategies as st

from server import content
from server.terminology import library
from server.terminology.library import Editions, Fixed
from server.terminology.service import Terminology

FOREST = {"a": None, "b": "a", "c": "b", "d": "a", "e": None}
"""The codes of each system, with the one that each is beneath."""
SYSTEMS = ("urn:one", "urn:two")
INACTIVE = "d"


def code_system(url):
    concepts = []
    for code, parent in FOREST.items():
        properties = [] if parent is None else [{"code": "parent", "valueCode": parent}]
        if code == INACTIVE:
            properties.append({"code": "inactive", "valueBoolean": True})
        concepts.append({"code": code, "display": f"display of {code}", "property": properties})
    return {
        "resourceType": "CodeSystem", "url": url, "content": "complete", "concept": concepts,
    }  # fmt: skip


@cache
def surroundings():
    """Return HL7's own terminology and the editions in force, which take long to read."""
    return library.r4(content.TERMINOLOGY / "r4"), Editions.load(
        content.TERMINOLOGY / "editions.toml"
    )


def terminology(*resources):
    bodies = map(orjson.dumps, (*map(code_system, SYSTEMS), *resources))
    return Terminology(Fixed.of(bodies), *surroundings())


def value_set(url, include, exclude=(), **compose):
    if exclude:
        compose["exclude"] = list(exclude)
    return {
        "resourceType": "ValueSet", "url": url, "compose": {"include": list(include), **compose},
    }  # fmt: skip


def is_beneath(code, other):
    while code is not None and code != other:
        code = FOREST[code]
    return code == other


FILTERS = {
    "is-a": is_beneath,
    "descendent-of": lambda code, other: code != other and is_beneath(code, other),
    "is-not-a": lambda code, other: not is_beneath(code, other),
    "generalizes": lambda code, other: is_beneath(other, code),
    "=": lambda code, other: code == other,
}
codes = st.sampled_from("abcde")
filters = st.builds(
    lambda op, value: {"property": "concept", "op": op, "value": value},
    st.sampled_from(sorted(FILTERS)),
    codes,
)
sets = st.lists(st.sampled_from(("urn:0", "urn:1")), min_size=1, max_size=2, unique=True)
of_system = st.fixed_dictionaries(
    {"system": st.sampled_from(SYSTEMS)},
    optional={"filter": st.lists(filters, min_size=1, max_size=2)},
) | st.fixed_dictionaries(
    {
        "system": st.sampled_from(SYSTEMS),
        "concept": st.lists(codes.map(lambda code: {"code": code}), min_size=1, max_size=4),
    }
)
elements = st.lists(of_system, min_size=1, max_size=3)
with_sets = st.lists(
    of_system
    | st.builds(lambda one, other: {**one, "valueSet": other}, of_system, sets)
    | st.builds(lambda other: {"valueSet": other}, sets),
    min_size=1,
    max_size=3,
)


def naive(known, compose):
    """The concepts of a composition, by what the specification says and nothing else."""

    def element(one):
        found = {(system, code) for system in SYSTEMS for code in FOREST}
        if "system" in one:
            found = {(system, code) for system, code in found if system == one["system"]}
        if "concept" in one:
            listed = {row["code"] for row in one["concept"]}
            found = {(system, code) for system, code in found if code in listed}
        for filter in one.get("filter", ()):
            holds = FILTERS[filter["op"]]
            found = {(system, code) for system, code in found if holds(code, filter["value"])}
        for other in one.get("valueSet", ()):
            found &= naive(known, known[other]["compose"])
        return found

    def union(rows):
        return set().union(*map(element, rows))

    found = union(compose["include"]) - union(compose.get("exclude", ()))
    if compose.get("inactive") is False:
        found = {(system, code) for system, code in found if code != INACTIVE}
    return found
