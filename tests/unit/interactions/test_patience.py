"""How long one search may ask the database."""

import time

import pytest

from server.fhir.outcome import TooCostly
from server.interactions.patience import SECONDS, Patience
from server.search.lists import InList


class Lists:
    """A database with one List that names nothing; it counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def rows(self, type, _condition, _fields, _limit, _letters):
        self.asked += 1
        return [{"_id": "1", "raw": b"{}"}] if type == "List" else []


def test_what_is_asked_in_time_is_answered():
    lists = Lists()
    assert Patience(lists).rows("List", {}, ("raw",), 1) == [{"_id": "1", "raw": b"{}"}]
    assert Patience(lists).until <= time.monotonic() + SECONDS


def test_when_the_time_is_over_the_database_is_not_asked_any_more():
    lists = Lists()
    lookup = Patience(lists, until=time.monotonic() - 1)
    with pytest.raises(TooCostly) as refusal:
        InList("Patient", "1", "").condition(lookup)
    assert refusal.value.issues[0].message == "database-work-too-long"
    assert lists.asked == 0
