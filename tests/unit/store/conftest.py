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


@dataclass(frozen=True)
class Step:
    condition: dict
    sort: tuple
    computed: dict = field(default_factory=dict)
    behind: dict = field(default_factory=dict)


@dataclass(frozen=True)
class By:
    """An ascending order by one field that no resource lacks, and by id."""

    field: str
    needs: tuple = ()
    by_index: bool = True

    @property
    def name(self):
        return self.field

    @property
    def fields(self):
        return tuple(dict.fromkeys((self.field, "_id")))

    @property
    def is_of_one_moment(self):
        return self.field != "_id"

    def place(self, document):
        return [document.get("at"), *(document[name] for name in self.fields)]

    def moment(self, place):
        return place[0] if place else ()

    def steps(self, place):
        return (self.sorted(place),)

    def sorted(self, place):
        behind = {}
        if place and len(place) > 1:
            ties = {self.field: place[1], "_id": {"$gt": place[-1]}}
            behind = {"$or": [{self.field: {"$gt": place[1]}}, ties]}
        return Step(behind, tuple((name, 1) for name in self.fields))


BY_ID = By("_id")


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
