"""A document that MongoDB does not take is refused to its owner, and to nobody else."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import FhirError, NotFound, TooLarge, Unprocessable
from server.store.database import Store
from server.store.documents import Draft
from tests.unit.store.conftest import Spec

BODY = b'{"resourceType":"Location"}'
NOWHERE = {"geo": {"type": "Point", "coordinates": [500, 500]}}
MANY_TERMS = {"t": [f"{number:050d}" for number in range(300_000)]}


@pytest.fixture(scope="module")
def resources(mongodb, database):
    """Resources with an index on a place, which not every value has, and on two lists at once."""
    specs = [Spec("geo", (("geo", "2dsphere"),)), Spec("a_b", (("a", 1), ("b", 1)))]
    store = Store.open(mongodb, database.name, lambda _: specs, ZoneInfo("UTC"))
    return store.resources(EVERYTHING)


def draft(entries, id=None):
    return Draft("Location", id or str(uuid4()), BODY, entries)


@pytest.mark.parametrize(
    ("entries", "refusal"),
    [
        (NOWHERE, Unprocessable),
        ({"a": [1, 2], "b": [1, 2]}, Unprocessable),
        ({"n": 2**70}, Unprocessable),
        ({"s": "\ud800"}, Unprocessable),
        ({"a\0b": 1}, Unprocessable),
        (MANY_TERMS, TooLarge),
    ],
    ids=["place", "two lists", "number", "surrogate", "key", "terms"],
)
def test_it_is_refused_on_every_way_in(resources, entries, refusal):
    bad, old = draft(entries), resources.create(draft({}))
    with pytest.raises(refusal):
        resources.create(bad)
    with pytest.raises(refusal):
        resources.create_many([bad])
    with pytest.raises(refusal):
        resources.create_unless_found(bad, {"t": bad.id}, bad.id)
    with pytest.raises(refusal):
        resources.replace(draft(entries, old.id), old)
    with pytest.raises(NotFound):
        resources.read("Location", bad.id)
    assert resources.read("Location", old.id) == old


@pytest.mark.parametrize("entries", [NOWHERE, {"n": 2**70}], ids=["server", "driver"])
def test_what_is_written_together_with_it_is_stored(resources, entries):
    def attempt(number):
        try:
            return type(resources.create(draft({} if number % 4 else entries)))
        except FhirError as error:
            return type(error)

    with ThreadPoolExecutor(16) as pool:
        outcomes = [*pool.map(attempt, range(400))]
    assert Counter(each.__name__ for each in outcomes) == {"Version": 300, "Unprocessable": 100}


def test_a_condition_that_cannot_be_sent_is_refused(resources):
    with pytest.raises(Unprocessable):
        resources.count("Location", {"n": 2**70})
    with pytest.raises(TooLarge):
        resources.count("Location", {"t": "x" * 50_000_000})
