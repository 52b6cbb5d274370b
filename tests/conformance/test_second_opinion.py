"""HAPI's validator and ours judge the same of our profiles, but for what is explained here.

HAPI's verdicts are in ``tests/peers/verdicts.json``; README.md there says how they are made.
"""

import json
import re
from collections import Counter

import pytest

from server.services import Interpreters
from server.settings import Settings
from tests.peers.instances import instances
from tests.peers.judge import VERDICTS, element, state

INSTANCES = {one.name: one for one in instances()}
OURS, HAPIS = "only we find a fault", "only HAPI finds a fault"
EXPLAINED = [
    (
        OURS,
        r" strange modifier$",
        "An unknown modifier extension is refused (R4, 2.5.1.5); HAPI is called so as to allow it.",
    ),
    (
        OURS,
        r"^\S+ (subject|patient|beneficiary|encounter|performer\.\d+|\S+\.(value\w+|condition))$",
        "The type stands in a relative reference; HAPI asks a server for the target, and has none.",
    ),
    (
        OURS,
        r" code\.coding\.0\.code$",
        "HAPI takes the edition of which only a part is here; the one that is named is complete.",
    ),
    (
        HAPIS,
        r"\.code$",
        "HAPI takes any unlisted code for an error; here the strength decides, UCUM is not parsed.",
    ),
    (
        HAPIS,
        r"^cn-patient/good-1\b",
        "The townships of GB/T 10114 are in no file that HAPI reads, so it knows none of them.",
    ),
    (
        HAPIS,
        r" moved$",
        "R4 itself has its extensions outside their contexts, so that is only warned of here.",
    ),
]


@pytest.fixture(scope="module")
def verdicts():
    return json.loads(VERDICTS.read_text("utf-8"))


@pytest.fixture(scope="module")
def compared(verdicts):
    """Who finds a fault where the other finds none, by instance; and where both find one."""
    validator = Interpreters.of(Settings()).validator
    differing, both = {}, {}
    for name, one in INSTANCES.items():
        hapis = set(verdicts["errors"][name])
        faults = validator.faults(one.resource, [one.profile])
        ours = {element(each.expression or "") for each in faults if each.severity == "error"}
        if bool(hapis) != bool(ours):
            differing[name] = HAPIS if hapis else OURS
        elif hapis:
            both[name] = (hapis, ours)
    return differing, both


def test_the_verdicts_are_of_these_definitions_and_instances(verdicts):
    """If this fails, have HAPI judge anew: tests/peers/README.md."""
    assert verdicts["state"] == state()


def test_there_are_five_hundred_instances_of_every_family():
    families = Counter(one.family for one in INSTANCES.values())
    assert len(INSTANCES) >= 500
    assert min(families.values()) >= 30


def test_every_difference_is_explained(compared):
    differing, _ = compared
    strange = [
        (name, who)
        for name, who in differing.items()
        if not any(who == whose and re.search(names, name) for whose, names, _ in EXPLAINED)
    ]
    assert strange == []


@pytest.mark.parametrize(("who", "names", "why"), EXPLAINED, ids=[one[1] for one in EXPLAINED])
def test_nothing_is_explained_that_does_not_differ(compared, who, names, why):
    assert [name for name, whose in compared[0].items() if whose == who and re.search(names, name)]
    assert why.endswith(".")


def test_faults_are_found_in_the_same_elements(compared):
    """HAPI tells of what is missing at what it is missing in."""
    apart = {
        name: (hapis, ours)
        for name, (hapis, ours) in compared[1].items()
        if not any(one == other or one.startswith(f"{other}.") for one in ours for other in hapis)
    }
    assert apart == {}


def test_most_are_judged_alike(compared, verdicts):
    differing, both = compared
    assert len(both) > 250
    assert len(differing) < len(INSTANCES) / 5
    assert sum(not found for found in verdicts["errors"].values()) > 400
