"""What is answered without MongoDB is what MongoDB answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.expressions import expression
from server.store.matching import holds

VALUES = st.sampled_from(["a", "b", "Patient/1", True, 1, 0])
FIELDS = st.sampled_from(["pt", "div", "sec", "own"])
STORED = st.one_of(VALUES, st.lists(VALUES, max_size=3))
DOCUMENTS = st.dictionaries(FIELDS, STORED, max_size=4)
COMPARED = st.one_of(
    VALUES,
    st.none(),
    st.lists(VALUES, max_size=3).map(lambda values: {"$in": values}),
    st.lists(VALUES, max_size=3).map(lambda values: {"$nin": values}),
)
SIMPLE = st.dictionaries(FIELDS, COMPARED, min_size=1, max_size=2)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"$and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"$or": parts}),
    ),
    max_leaves=5,
)


@given(st.lists(st.tuples(CONDITIONS, DOCUMENTS), min_size=1, max_size=20))
def test_it_agrees_with_mongodb(mongodb, pairs):
    for condition, document in pairs:
        stages = [{"$documents": [{"$literal": document}]}, {"$match": condition}]
        expected = bool(list(mongodb["test"].aggregate(stages)))
        assert holds(condition, document) is expected
        stages = [stages[0], {"$project": {"seen": expression(condition)}}]
        assert next(mongodb["test"].aggregate(stages))["seen"] is expected


@pytest.mark.parametrize(
    "condition",
    [{"t": {"$gte": "a"}}, {"$nor": [{"a": 1}]}, {"d.p": "x"}, {"t": {"$elemMatch": {}}},
     {"t": {"$in": ["a"], "$ne": "b"}}, {"t": {"$in": [None]}}, {"$expr": {}}],
)  # fmt: skip
def test_what_is_not_simple_is_asked(condition):
    assert holds(condition, {"t": ["a"]}) is None


def test_one_part_that_fails_is_enough():
    assert holds({"a": "x", "b": {"$gte": 1}}, {"a": "y"}) is False
    assert holds({"$or": [{"a": "y"}, {"b": {"$gte": 1}}]}, {"a": "y"}) is True
