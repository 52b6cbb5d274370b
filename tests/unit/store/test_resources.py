"""What the store promises of single resources."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import orjson
import pytest

from server.access.visibility import Visibility
from server.fhir.outcome import Conflict, Forbidden, Gone, NotFound, PreconditionFailed, TooLarge
from server.store.documents import Draft
from server.store.history import Window
from tests.unit.store.conftest import BY_ID


def blind_but_for(condition):
    """The view of who sees only what fulfils `condition`."""

    def always(_type, _letters):
        return condition

    return Visibility("blind", always, always)


@pytest.fixture
def id():
    return str(uuid4())


def test_what_was_created_is_read_with_its_digits(resources, new, id):
    created = resources.create(new(id))
    read = resources.read("Patient", id)
    assert read == created
    assert b'"weight":1.50' in read.body
    assert orjson.loads(read.body)["meta"]["versionId"] == "1"
    stamp = orjson.loads(read.body)["meta"]["lastUpdated"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00", stamp)


def test_what_was_never_there_is_not_found(resources, id):
    with pytest.raises(NotFound):
        resources.read("Patient", id)


def test_an_id_is_created_once(resources, new, id):
    resources.create(new(id))
    with pytest.raises(Conflict):
        resources.create(new(id))


def test_of_parallel_creates_of_one_id_one_wins(resources, new, id):
    def attempt(_):
        try:
            return resources.create(new(id)).version
        except Conflict:
            return None

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(32)))
    assert [outcome for outcome in outcomes if outcome] == [1]


def test_a_replaced_version_goes_to_the_history(resources, history, new, id):
    first = resources.create(new(id))
    second = resources.replace(new(id, "b"), first)
    assert resources.read("Patient", id) == second
    assert second.version == 2
    assert second.last_updated > first.last_updated
    assert history.version("Patient", id, 1) == first


def test_of_two_writers_of_one_version_one_loses(resources, new, id):
    first = resources.create(new(id))
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda term: resources.replace(new(id, term), first), "abcdefgh"))
    winners = [outcome for outcome in outcomes if outcome]
    assert [winner.version for winner in winners] == [2]
    assert resources.read("Patient", id) == winners[0]


def test_what_was_deleted_is_gone_and_comes_back_as_the_next_version(resources, history, new, id):
    first = resources.create(new(id))
    grave = resources.delete(first)
    with pytest.raises(Gone):
        resources.read("Patient", id)
    again = resources.replace(new(id), grave)
    assert (grave.version, again.version) == (2, 3)
    assert history.version("Patient", id, 2).body is None
    assert resources.read("Patient", id) == again


def test_a_search_does_not_find_what_was_deleted(resources, new, id):
    first = resources.create(new(id, id))
    assert [found["_id"] for found in resources.search("Patient", {"t": id}, BY_ID, 9)[0]] == [id]
    resources.delete(first)
    assert resources.search("Patient", {"t": id}, BY_ID, 9) == ([], False)
    assert resources.count("Patient", {"t": id}) == 0


def test_of_parallel_creates_unless_found_one_creates(resources, new, id):
    def attempt(number):
        return resources.create_unless_found(new(f"{id}.{number}"[-64:], id), {"t": id}, id)

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(24)))
    assert [created for _, created in outcomes].count(True) == 1
    assert len({version.id for version, _ in outcomes}) == 1
    assert resources.count("Patient", {"t": id}) == 1


def test_criteria_that_match_several_are_refused(resources, new, id):
    for number in range(2):
        resources.create(new(f"{id[:30]}.{number}", id))
    with pytest.raises(PreconditionFailed):
        resources.create_unless_found(new(id), {"t": id}, id)


def test_create_many_skips_the_ids_that_are_taken(resources, new, id):
    ids = [f"{id[:30]}.{number}" for number in range(5)]
    resources.create(new(ids[2]))
    assert resources.create_many([new(each, "other") for each in ids]) == 4
    assert resources.read("Patient", ids[2]).version == 1


def test_what_a_caller_may_not_see_is_not_there(store, resources, new, id):
    created = resources.create(new(id, "hidden"))
    blind = store.resources(blind_but_for({"t": "shown"}))
    with pytest.raises(NotFound):
        blind.read("Patient", id)
    assert blind.search("Patient", {"_id": id}, BY_ID, 9) == ([], False)
    assert blind.count("Patient", {"_id": id}) == 0
    assert blind.replace(new(id, "shown"), created) is None
    assert blind.delete(created) is None
    with pytest.raises(NotFound):
        store.history(blind_but_for({"t": "shown"})).version("Patient", id, 1)
    assert resources.read("Patient", id) == created


def test_callers_with_different_views_do_not_share_an_answer(store, resources, new, id):
    resources.create(new(id, "hidden"))
    blind = store.resources(blind_but_for({"t": "shown"}))

    def seen(number):
        return (blind if number % 2 else resources).find("Patient", id) is not None

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(seen, range(400)))
    assert outcomes == [number % 2 == 0 for number in range(400)]


def test_a_resource_that_mongodb_cannot_hold_is_refused(resources, id):
    huge = b'{"resourceType":"Patient","a":"' + b"x" * 17_000_000 + b'"}'
    with pytest.raises(TooLarge):
        resources.create(Draft("Patient", id, huge, {}))
    with pytest.raises(NotFound):
        resources.read("Patient", id)


def test_a_create_over_a_deleted_id_goes_on_with_its_versions(resources, history, new, id):
    grave = resources.delete(resources.create(new(id)))
    stored, created = resources.create_unless_found(new(id, id), {"t": id}, id)
    assert (stored.version, created) == (3, True)
    assert stored.last_updated > grave.last_updated
    assert resources.read("Patient", id) == stored
    assert history.version("Patient", id, 2) == grave
    assert resources.create_unless_found(new(id, id), {"t": id}, id) == (stored, False)


def test_a_create_under_the_id_of_a_resource_that_does_not_match_is_refused(resources, new, id):
    resources.create(new(id, "other"))
    with pytest.raises(Conflict):
        resources.create_unless_found(new(id, id), {"t": id}, id)


def test_a_deleted_id_that_a_caller_may_not_see_is_taken(store, resources, new, id):
    resources.delete(resources.create(new(id)))
    blind = store.resources(blind_but_for({"t": "shown"}))
    with pytest.raises(Conflict):
        blind.create_unless_found(new(id, "shown"), {"t": id}, id)


def test_nobody_stores_what_they_have_no_right_to(store, resources, new, id):
    blind = store.resources(blind_but_for({"t": "shown"}))
    with pytest.raises(Forbidden):
        blind.create(new(id, "hidden"))
    seen = blind.create(new(id, "shown"))
    with pytest.raises(Forbidden):
        blind.replace(new(id, "hidden"), seen)
    assert resources.read("Patient", id) == seen


def test_of_parallel_creates_over_a_deleted_id_one_creates(resources, history, new, id):
    resources.delete(resources.create(new(id)))

    def attempt(_):
        return resources.create_unless_found(new(id, id), {"t": id}, id)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert [created for _, created in outcomes].count(True) == 1
    assert {version.version for version, _ in outcomes} == {3}
    versions, more = history.of_instance("Patient", id, Window(), 9)
    assert (len(versions), more) == (3, None)
