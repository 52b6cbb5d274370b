"""Listings of versions, newest first."""

from uuid import uuid4

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import NotFound
from server.store.history import Window


@pytest.fixture
def versions(resources, new):
    """Three versions of one resource, the second a deletion."""
    first = resources.create(new(str(uuid4())))
    grave = resources.delete(first)
    return [first, grave, resources.replace(new(first.id, "b"), grave)]


def listed(page):
    return [version for _, version in page]


def test_all_versions_of_an_instance_newest_first(history, versions):
    page = history.of_instance("Patient", versions[0].id, Window(), 10)
    assert listed(page) == versions[::-1]


def test_an_instance_that_never_was_has_no_history(history):
    with pytest.raises(NotFound):
        history.of_instance("Patient", str(uuid4()), Window(), 10)


def test_pages_follow_on_each_other(history, versions):
    id, seen, after = versions[0].id, [], None
    while page := history.of_instance("Patient", id, Window(after=after), 1):
        key, version = page[-1]
        after = (version.last_updated, key)
        seen.append(version)
    assert seen == versions[::-1]


def test_since_gives_what_was_made_at_or_after_it(history, versions):
    window = Window(since=versions[1].last_updated)
    page = history.of_instance("Patient", versions[0].id, window, 10)
    assert listed(page) == [versions[2], versions[1]]


@pytest.mark.parametrize(("start", "end", "expected"), [(0, 0, [0]), (0, 1, [1, 0]), (2, 2, [2])])
def test_at_gives_what_was_current_then(history, versions, start, end, expected):
    window = Window(at=(versions[start].last_updated, versions[end].last_updated + 1))
    page = history.of_instance("Patient", versions[0].id, window, 10)
    assert listed(page) == [versions[number] for number in expected]


def test_the_history_of_a_type_and_of_the_system_have_all(store, versions):
    history = store.history(EVERYTHING)
    assert listed(history.of_type("Patient", Window(), 3)) == versions[::-1]
    assert listed(history.of_system(Window(), 3)) == versions[::-1]
