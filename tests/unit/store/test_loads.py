"""Large code systems answer from MongoDB as small ones do from memory, and change in one step."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store import loads
from server.store.loads import LoadedSystems
from server.terminology import expressions as e
from server.terminology.systems import table

ABOUT = {"resourceType": "CodeSystem", "url": "urn:s", "version": "1", "content": "not-present"}
NAMES = ["高血压病", "糖尿病", "Essential hypertension", "重度贫血", "贫血"]


def resource():
    concepts = []
    for number in range(40):
        properties = [{"code": "size", "valueCode": "ab"[number % 2]}]
        if number:
            properties.append({"code": "parent", "valueCode": f"c{number // 3}"})
        if number % 7 == 0:
            properties.append({"code": "inactive", "valueBoolean": True})
        if number % 5 == 0:
            properties.append({"code": "validTo", "valueDateTime": str(2000 + number)})
        name = NAMES[number % len(NAMES)]
        concepts.append({"code": f"c{number}", "display": name, "property": properties})
    return {**ABOUT, "content": "complete", "concept": concepts}


SMALL = table(resource())
CONCEPTS = [(row, SMALL.by_code[row["code"]]) for row in resource()["concept"]]


@pytest.fixture
def systems(database, monkeypatch):
    monkeypatch.setattr(loads, "_GRACE_SECONDS", 0)
    for name in database.list_collection_names():
        database.drop_collection(name)
    return LoadedSystems(database)


@pytest.fixture(scope="module")
def large(database):
    systems = LoadedSystems(database)
    systems.load(ABOUT, CONCEPTS, lambda _: None)
    return systems.find("urn:s", "1")


codes = st.sampled_from([f"c{number}" for number in range(42)])
properties = st.sampled_from(("size", "parent", "code", "display", "none"))
values = st.sampled_from(("a", "b", "c1", "c0", "糖尿病"))
leaves = (
    st.builds(e.Listed, st.lists(codes, unique=True).map(lambda one: tuple(sorted(one))))
    | st.builds(e.Beneath, codes)
    | st.builds(e.Having, properties, st.frozensets(values) | st.none())
    | st.builds(e.Matching, st.sampled_from(("code", "display", "size")), st.just("c?[1a糖].*"))
    | st.builds(
        e.Called,
        st.lists(st.sampled_from(("gao", "gxy", "贫", "tnb", "c1", "ess")), max_size=2).map(tuple),
    )
    | st.builds(e.Invalid, st.dates(date(2000, 1, 1), date(2045, 1, 1)))
    | st.sampled_from((e.Parents(), e.Inactive(), e.EVERY, e.NONE))
)
expressions = st.recursive(
    leaves,
    lambda inner: (
        st.builds(e.Not, inner)
        | st.builds(e.AllOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(e.AnyOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


@given(expressions, st.integers(0, 5), st.integers(0, 50))
def test_both_give_the_same_concepts(large, wanted, offset, limit):
    expected = {one.code for one in SMALL.chosen(wanted, 0, 100)}
    assert large.count(wanted) == SMALL.count(wanted) == len(expected)
    assert {one.code for one in large.chosen(wanted, 0, 100)} == expected
    page = large.chosen(wanted, offset, limit)
    assert [one.code for one in page] == [one.code for one in large.chosen(wanted, 0, 100)][
        offset : offset + limit
    ]


def test_a_concept_is_the_same_from_both(large):
    found, expected = large.concepts(["c3", "c99"]), SMALL.concepts(["c3", "c99"])
    assert found.keys() == expected.keys() == {"c3"}
    for name in ("code", "display", "properties", "parents", "ancestors", "has_children"):
        assert getattr(found["c3"], name) == getattr(expected["c3"], name)
    assert large.children("c1") == list(SMALL.children("c1"))


def test_many_concepts_are_found_by_index(large):
    for query in ({"a": "c1"}, {"p": "c1"}, {"w": {"$gte": "gxy", "$lt": "gxz"}}, {"v": "size=a"}):
        plan = str(large.collection.find(query).explain()["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan, query


def test_a_new_load_takes_the_place_of_the_old_one(systems, database):
    systems.load(ABOUT, CONCEPTS, lambda _: None)
    old = systems.find("urn:s", "1")
    systems.load(ABOUT, CONCEPTS[:3], lambda _: None)
    assert systems.find("urn:s", "1").size == 3
    assert len(systems.all()) == 1
    left = [name for name in database.list_collection_names() if name.startswith("_concepts")]
    assert len(left) == 1
    assert old.collection.name not in left


def test_a_reader_sees_the_old_ones_until_all_new_ones_are_there(systems):
    systems.load(ABOUT, CONCEPTS, lambda _: None)
    seen = []

    def told(_):
        systems._is_stale = True
        seen.append(systems.find("urn:s", "1").count(e.EVERY))

    systems.load(ABOUT, CONCEPTS[:5], told)
    assert seen == [40]
    assert systems.find("urn:s", "1").count(e.EVERY) == 5


def test_a_load_that_fails_leaves_nothing(systems, database):
    systems.load(ABOUT, CONCEPTS, lambda _: None)
    before = sorted(database.list_collection_names())

    def failing():
        yield from CONCEPTS[:5]
        raise KeyError

    with pytest.raises(KeyError):
        systems.load(ABOUT, failing(), lambda _: None)
    assert sorted(database.list_collection_names()) == before
    assert systems.find("urn:s", "1").size == 40


def test_another_edition_stands_beside_it_and_can_be_removed(systems):
    for version in ("1", "2"):
        systems.load({**ABOUT, "version": version}, CONCEPTS, lambda _: None)
    assert systems.find("urn:s", None).about.version == "2"
    assert systems.remove("urn:s", "2") is True
    assert systems.remove("urn:s", "2") is False
    assert systems.find("urn:s", None).about.version == "1"
    assert systems.find("urn:s", "2") is None


def test_another_process_hears_of_it(systems, database):
    other = LoadedSystems(database)
    assert other.find("urn:s", "1") is None
    systems.load(ABOUT, CONCEPTS, lambda _: None)
    before = other.edition
    other._is_stale = True
    assert other.find("urn:s", "1").size == 40
    assert other.edition != before
