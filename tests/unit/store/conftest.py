"""A store on the real mongod, with an index of one field."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
from server.store.database import Store
from server.store.documents import Draft


@dataclass(frozen=True)
class Spec:
    name: str
    keys: tuple
    options: dict = field(default_factory=dict)


@pytest.fixture(scope="module")
def store(mongodb, database):
    return Store.open(
        mongodb,
        database.name,
        lambda _: [Spec("t_id", (("t", 1), ("_id", 1)))],
        ZoneInfo("Asia/Shanghai"),
    )


@pytest.fixture
def resources(store):
    return store.resources(EVERYTHING)


@pytest.fixture
def history(store):
    return store.history(EVERYTHING)


@pytest.fixture
def new():
    """Return a function that makes the draft of a Patient with a term to find it by."""

    def make(id, term="a", body=b'{"resourceType":"Patient","weight":1.50}'):
        return Draft("Patient", id, body, {"t": [term]})

    return make
