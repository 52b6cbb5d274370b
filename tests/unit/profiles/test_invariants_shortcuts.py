"""A shortcut tells that a rule is kept only where R4's own expression says so, too."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.profiles.invariants.checking import Invariants
from server.profiles.invariants.items import Model
from server.profiles.invariants.shortcuts import SHORTCUTS
from server.profiles.shapes import shapes

IDS = ["a", "b", "None"]
TEXTS = st.sampled_from([*(f"#{id}" for id in IDS), "#", "Patient/a", "urn:uuid:a"])
REFERENCES = st.builds(dict, reference=TEXTS) | st.just({"display": "甲"})
CONTAINED = st.lists(
    st.fixed_dictionaries(
        {"resourceType": st.just("Organization")},
        optional={"id": st.sampled_from(IDS), "partOf": REFERENCES},
    ),
    min_size=1,
    max_size=2,
)
PATIENTS = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "contained": CONTAINED,
        "managingOrganization": REFERENCES,
        "generalPractitioner": st.lists(REFERENCES, min_size=1, max_size=2),
    },
)


RULES = [*SHORTCUTS]
ZONE = ZoneInfo("Asia/Shanghai")


class Thorough(Invariants):
    """Evaluates every expression."""

    def rules_of(self, type, declared):
        rules = super().rules_of(type, declared)
        return tuple(replace(one, is_surely_kept=None) for one in rules)


@pytest.fixture(scope="module")
def both(definitions):
    """The check of invariants with shortcuts, and the one without."""
    model = Model(shapes(definitions))
    return Invariants(definitions, model, ZONE), Thorough(definitions, model, ZONE)


def broken(invariants, resource):
    keys = [(one.arguments.get("key"), one.expression) for one in invariants.faults(resource)]
    return [one for one in keys if one[0] in RULES]


@given(PATIENTS)
def test_with_shortcuts_and_without_the_same_is_broken(both, resource):
    quick, thorough = both
    assert broken(quick, resource) == broken(thorough, resource)


def test_both_rules_are_broken_by_what_is_not_there(both):
    lost = {"resourceType": "Organization", "id": "lost"}
    link = {"reference": "#a"}
    resource = {"resourceType": "Patient", "contained": [lost], "managingOrganization": link}
    for invariants in both:
        assert {key for key, _ in broken(invariants, resource)} == {"dom-3", "ref-1"}
