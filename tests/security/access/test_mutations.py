"""Broken enforcement is found: with any one part of it removed, the matrix turns red.

A proof that cannot fail proves nothing.
"""

import os
from functools import partial

import pytest

from tests.security.access.breaking import BREAKS
from tests.security.access.judging import Judge, Report
from tests.security.access.oracle import Oracle
from tests.security.access.searches import SEARCHES
from tests.security.access.test_matrix import CLOSELY, HISTORIES
from tests.security.access.tokens import BY_NAME
from tests.security.access.world import database_name, fill, serving

FINDING = {
    "region": "clinician-south",
    "compartment": "app-a",
    "labels": "app-d",
    "constraint": "app-a-lab",
    "past": "app-a",
    "letters": "app-a-letters",
    "types": "registrar",
    "present": "app-a",
    "includes": "app-a-search-only",
    "hidden": "app-a-masked",
    "chains": "app-a-no-patient",
    "masks": "app-a-masked",
}
"""Which token finds that a part is missing."""


@pytest.fixture(scope="module")
def filled(mongodb_url, tmp_path_factory):
    """A database with the fixture world, the oracle for it, and a folder for logs."""
    folder, database = tmp_path_factory.mktemp("broken"), database_name()
    with serving(mongodb_url, folder / "filling.log", database) as wire:
        oracle = Oracle(fill(wire))
    return database, oracle, folder


def faults(wire, oracle, name):
    """Return what a token finds wrong in its part of the matrix, up to the first fault.

    A server that crashes is not found so: the wire takes no 5xx for an answer.
    """
    report, token = Report(), BY_NAME[name]
    judge = Judge(wire, oracle, report)
    asked = (
        *(partial(judge.history, token, type) for type in HISTORIES),
        *(partial(judge.search, token, search, turn) for turn, search in enumerate(SEARCHES)),
        *(partial(judge.read, token, *one, closely=one[1] in CLOSELY) for one in oracle.versions),
    )
    for ask in asked:
        ask()
        if report.faults:
            break
    return report.faults


def test_each_part_has_a_token_that_finds_it_missing():
    assert FINDING.keys() == BREAKS.keys()


def broken():
    """Return the parts to be removed one after the other: all of them take minutes."""
    return BREAKS if os.environ.get("TONGKANG_EVERY_BREAK") else ("compartment", "labels", "masks")


@pytest.mark.parametrize("name", broken())
def test_what_is_missing_is_found(mongodb_url, filled, name):
    database, oracle, folder = filled
    application = f'tests.security.access.application:broken("{name}")'
    with serving(mongodb_url, folder / f"{name}.log", database, application) as wire:
        found = faults(wire, oracle, FINDING[name])
    assert found
