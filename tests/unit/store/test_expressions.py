"""Whether a document may be seen is told by MongoDB with the document, whose content it keeps else.

That simple conditions mean the same in both forms, `test_matching.py` shows.
"""

import secrets

import pytest

from server.access.visibility import Visibility
from server.store.expressions import expression, seen, seen_fields

CONTENT = b"x" * 100
DOCUMENTS = (
    {"_id": "open", "raw": CONTENT, "v": 1},
    {"_id": "shut", "raw": CONTENT, "v": 1, "shut": True},
    {"_id": "other", "raw": CONTENT, "v": 1, "own": "Organization/a", "sec": ["HIV"]},
    {"_id": "gone", "v": 2, "del": True},
    {"_id": "gone-shut", "v": 2, "del": True, "shut": True},
)


@pytest.fixture(scope="module")
def collection(mongodb):
    made = mongodb["test"][f"expressions_{secrets.token_hex(4)}"]
    made.insert_many(DOCUMENTS)
    yield made
    made.drop()


def visibility(condition):
    return Visibility(secrets.token_hex(4), lambda *_: condition, lambda *_: condition)


CONDITIONS = (
    {"shut": None},
    {"shut": {"$ne": True}},
    {"own": {"$ne": None}},
    {"sec": {"$ne": "HIV"}},
    {"_id": {"$in": []}},
    {"$and": [{"shut": None}, {"$or": [{"sec": {"$nin": ["HIV"]}}, {"own": "Organization/a"}]}]},
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_is_not_seen_comes_without_its_content(collection, condition):
    fields = seen_fields(visibility(condition), "Patient", "r")
    shown = {one["_id"] for one in collection.find(condition, {"_id": 1})}
    for document in DOCUMENTS:
        (found,) = collection.find({"_id": document["_id"]}, fields)
        is_shown = document["_id"] in shown
        assert ("raw" in found) is is_shown
        assert found["v"] == document["v"]
        told = [(one["_id"], one.get("raw")) for one in seen([found])]
        assert told == [(document["_id"], document.get("raw"))] * is_shown


def test_an_id_is_looked_up_without_a_plan(collection):
    fields = seen_fields(visibility({"shut": None}), "Patient", "r")
    plan = collection.find({"_id": "open"}, fields).explain()["queryPlanner"]["winningPlan"]
    assert "IDHACK" in str(plan)


@pytest.mark.parametrize(
    "condition",
    [
        {"t": {"$gte": "a"}},
        {"$nor": [{"a": "x"}]},
        {"d.p": "x"},
        {"t": {"$in": [None]}},
        {"t": {"$ne": {"$gte": 1}}},
        {"$or": [{"a": "x"}, {"t": {"$elemMatch": {}}}]},
    ],
)
def test_what_is_not_simple_has_no_such_form(condition):
    assert expression(condition) is None
    assert seen_fields(visibility(condition), "Patient", "r") is None
