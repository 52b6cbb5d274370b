"""What is noted of a transaction tells its outcome once more."""

from types import SimpleNamespace

import pytest
from bson.int64 import Int64

from server.fhir.outcome import NotFound
from server.interactions import notes
from server.interactions.call import Disclosed
from server.store.documents import Version

STORED = Version("Patient", "a", 2, Int64(1764300000000000), b"{}", patients=("Patient/a",))

MORE = (Disclosed("Provenance", "p", 1),)


class History:
    """The versions that a caller may read: of a transaction that was noted, `known`."""

    def __init__(self, *known):
        self.known = {(one.type, one.id, one.version): one for one in known}

    def version(self, *named):
        if named not in self.known:
            raise NotFound.because("version-unknown", type="Patient", id="a", version=2)
        return self.known[named]


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_version_that_may_be_read_comes_with_its_content(status):
    context = SimpleNamespace(history=History(STORED))
    told = notes.recalled(context, notes.noted({3: (status, STORED), 4: (204, None)}, MORE))
    assert told == ({3: (status, STORED), 4: (204, None)}, MORE)


def test_one_that_may_not_comes_without():
    context = SimpleNamespace(history=History())
    outcomes, _ = notes.recalled(context, notes.noted({0: (201, STORED)}, ()))
    status, version = outcomes[0]
    assert (status, version.id, version.version, version.body) == (201, "a", 2, b"")
    assert (version.last_updated, version.patients) == (STORED.last_updated, STORED.patients)
