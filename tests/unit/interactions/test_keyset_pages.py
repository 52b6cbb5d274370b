"""Pages that follow one another by their last row give every row once, in the order of the sort.

On a real MongoDB, since its order of missing values is part of what is relied upon.
"""

from functools import cmp_to_key

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest, Gone
from server.search import paging
from server.search.paging import Cursors, behind

DIRECTIONS = st.sampled_from([1, -1])


@st.composite
def questions(draw):
    """Return (sort, documents): few values, so that many tie; what ascends is always there."""
    fields = draw(st.permutations(["x", "y"]).map(lambda names: names[: draw(st.integers(0, 2))]))
    sort = [(name, draw(DIRECTIONS)) for name in fields]
    present = {
        name: st.integers(0, 3) if direction > 0 else st.integers(0, 3) | st.none()
        for name, direction in sort
    }
    rows = draw(st.lists(st.fixed_dictionaries(present), max_size=14))
    documents = [
        {
            "_id": f"{number:02d}",
            **{name: value for name, value in row.items() if value is not None},
        }
        for number, row in enumerate(rows)
    ]
    return [*sort, ("_id", draw(DIRECTIONS))], documents


def sorted_as(sort, documents):
    """Return `documents` in the order that `sort` means: a missing value is the least."""

    def value(document, name):
        return document.get(name, -1) if name != "_id" else int(document["_id"])

    def compare(one, other):
        for name, direction in sort:
            difference = value(one, name) - value(other, name)
            if difference:
                return direction * difference
        return 0

    return sorted(documents, key=cmp_to_key(compare))


def pages(collection, sort, size):
    """Yield the rows of page after page, each found by the last row of the one before."""
    condition = {}
    while page := list(collection.find(condition).sort(sort).limit(size)):
        yield from page
        condition = behind(sort, [page[-1].get(name) for name, _ in sort])


@given(questions(), st.integers(1, 5))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_pages_give_every_row_once_and_in_order(database, question, size):
    sort, documents = question
    collection = database.rows
    collection.delete_many({})
    if documents:
        collection.insert_many(documents)
    assert list(pages(collection, sort, size)) == sorted_as(sort, documents)


def test_the_next_page_is_entered_at_its_place_in_the_index(database):
    collection = database.indexed
    collection.insert_many({"_id": f"{n:04d}", "ds": n // 10} for n in range(2000))
    sort = [("ds", -1), ("_id", 1)]
    collection.create_index(sort)
    condition = behind(sort, [100, "1005"])
    explain = {"find": "indexed", "filter": dict(condition), "sort": dict(sort), "limit": 20}
    stats = database.command("explain", explain, verbosity="executionStats")["executionStats"]
    assert stats["totalDocsExamined"] <= 40
    rows = list(collection.find(condition).sort(sort).limit(5))
    assert [row["_id"] for row in rows] == ["1006", "1007", "1008", "1009", "0990"]


@pytest.fixture
def cursors():
    return Cursors(lambda: b"k" * 32)


@given(st.lists(st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=64), max_size=4))
def test_a_cursor_brings_back_the_values_it_was_made_of(values):
    cursors = Cursors(lambda: b"k" * 32)
    cursor = cursors.make("Patient?a=张", values)
    assert cursors.read("Patient?a=张", cursor) == values
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")


def test_a_cursor_tells_nothing(cursors):
    one, two = (cursors.make("Patient?", ["350102196002291234"]) for _ in range(2))
    assert one != two
    assert "350102" not in one


def test_a_cursor_of_another_question_or_another_server_is_refused(cursors):
    cursor = cursors.make("Patient?gender=male", [1])
    with pytest.raises(BadRequest):
        cursors.read("Patient?gender=female", cursor)
    with pytest.raises(BadRequest):
        Cursors(lambda: b"x" * 32).read("Patient?gender=male", cursor)


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(BadRequest):
        Cursors(lambda: b"k" * 32).read("Patient?", text)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_cursor_with_a_changed_letter_is_refused(place, shift):
    cursors = Cursors(lambda: b"k" * 32)
    cursor = cursors.make("Patient?", [1, "a"])
    place %= len(cursor) - 1  # the last letter has bits that mean nothing
    changed = chr((ord(cursor[place]) + shift) % 128)
    # The decoder also knows the letters that are no good in a URL.
    if changed.translate(str.maketrans("+/", "-_")) != cursor[place]:
        with pytest.raises(BadRequest):
            cursors.read("Patient?", cursor[:place] + changed + cursor[place + 1 :])


def test_an_old_cursor_has_expired(cursors, monkeypatch):
    cursor = cursors.make("Patient?", [1])
    day = 24 * 3600
    now = paging.time.time()
    monkeypatch.setattr(paging.time, "time", lambda: now + day + 10)
    with pytest.raises(Gone):
        cursors.read("Patient?", cursor)
