"""Broken enforcement is found: with any one part of it removed, the matrix turns red.

A proof that cannot fail proves nothing.
"""

from functools import partial

import pytest

from tests.security.access.breaking import BREAKS
from tests.security.access.judging import Judge, Report
from tests.security.access.oracle import Oracle
from tests.security.access.searches import SEARCHES
from tests.security.access.test_matrix import CLOSELY, HISTORIES
from tests.security.access.tokens import BY_NAME
from tests.security.access.world import APPLICATION, database_name, fill, serving

ENOUGH = 5
pytestmark = pytest.mark.alone
ASKING = ("app-a", "app-a-search-only", "app-a-letters", "app-a-lab", "app-a-no-patient",
          "app-a-masked", "app-d", "clinician-south", "registrar")  # fmt: skip


@pytest.fixture(scope="module")
def filled(mongodb_url, tmp_path_factory):
    """A database with the fixture world, the oracle for it, and a folder for logs."""
    folder, database = tmp_path_factory.mktemp("broken"), database_name()
    with serving(mongodb_url, folder / "filling.log", database) as wire:
        oracle = Oracle(fill(wire))
    return database, oracle, folder


def faults(wire, oracle):
    """Return what is wrong with a part of the matrix, up to the first few faults."""
    report = Report()
    judge = Judge(wire, oracle, report)
    for token in (BY_NAME[name] for name in ASKING):
        asked = (
            *(partial(judge.search, token, search, turn) for turn, search in enumerate(SEARCHES)),
            *(partial(judge.read, token, *one, closely=one[1] in CLOSELY) for one in oracle.versions),
            *(partial(judge.history, token, type) for type in HISTORIES),
        )
        for ask in asked:
            ask()
            if len(report.faults) > ENOUGH:
                return report.faults
    return report.faults


@pytest.mark.parametrize("name", [None, *BREAKS])
def test_what_is_missing_is_found(mongodb_url, filled, name):
    database, oracle, folder = filled
    application = f'tests.security.access.application:broken("{name}")' if name else APPLICATION
    with serving(mongodb_url, folder / f"{name}.log", database, application) as wire:
        found = faults(wire, oracle)
    assert bool(found) == (name is not None), found[:5]
