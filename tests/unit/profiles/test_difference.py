"""The changes between two resources turn the one into the other.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import copy
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir import json
from server.profiles.difference import Differences
from server.profiles.shapes import shapes


@pytest.fixture(scope="module")
def between(definitions):
    """Return the function from two resources to their changes."""
    known = Differences(shapes(definitions))
    return lambda before, after: list(known.between(before, after))


@pytest.fixture(scope="module")
def told(between):
    """Return a function that gives (kind, path, index) of the changes between two Patients."""

    def found(before, after):
        each = between(*({"resourceType": "Patient", **one} for one in (before, after)))
        return [(one.kind, one.path, one.index) for one in each]

    return found


PHONES = [{"value": text} for text in ("1", "2", "3")]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"active": True}, {"active": True}, []),
        ({}, {"active": True}, [("insert", "Patient.active", None)]),
        ({"active": True}, {}, [("delete", "Patient.active", None)]),
        ({"active": True}, {"active": False}, [("replace", "Patient.active", None)]),
        ({"meta": {"versionId": "1", "lastUpdated": "a"}}, {"meta": {"versionId": "2"}}, []),
        ({"telecom": PHONES}, {"telecom": PHONES[1:]}, [("delete", "Patient.telecom[0]", None)]),
        ({"telecom": PHONES[1:]}, {"telecom": PHONES}, [("insert", "Patient.telecom", 0)]),
        (
            {"telecom": PHONES},
            {"telecom": [PHONES[0], {"value": "4"}, PHONES[2]]},
            [("replace", "Patient.telecom[1].value", None)],
        ),
        (
            {"deceasedBoolean": False},
            {"deceasedDateTime": "2020"},
            [("replace", "Patient.deceased", None)],
        ),
        (
            {"birthDate": "2020"},
            {"birthDate": "2020", "_birthDate": {"id": "a"}},
            [("replace", "Patient.birthDate", None)],
        ),
        (
            {"name": [{"given": ["a", "b"], "family": "c"}]},
            {"name": [{"family": "c", "given": ["b"]}]},
            [("delete", "Patient.name[0].given[0]", None)],
        ),
        (
            {"contained": [{"resourceType": "Patient", "id": "a"}]},
            {"contained": [{"resourceType": "Patient", "id": "a", "active": True}]},
            [("insert", "Patient.contained[0].active", None)],
        ),
        (
            {"contained": [{"resourceType": "Patient", "id": "a"}]},
            {"contained": [{"resourceType": "Group", "id": "a"}]},
            [("replace", "Patient.contained[0]", None)],
        ),
    ],
)
def test_a_change_is_told_where_it_is(told, before, after, changes):
    assert told(before, after) == changes


def test_the_order_of_properties_is_no_change_and_digits_are(told, between):
    one, other = ({"period": {"start": "a", "end": "b"}}, {"period": {"end": "b", "start": "a"}})
    assert told({"identifier": [one]}, {"identifier": [other]}) == []
    bodies = (
        b'{"resourceType":"Observation","valueQuantity":{"value":%b}}' % n
        for n in (b"1.0", b"1.00")
    )
    (change,) = between(*(json.exact(body) for body in bodies))
    assert change.path == "Observation.value.value"


def test_long_lists_take_a_bounded_time(told):
    before = [{"value": str(number)} for number in range(3000)]
    after = [{"value": str(-number)} for number in range(3000)]
    assert len(told({"telecom": before}, {"telecom": after})) == 2999


def applied(resource, changes):
    """Return `resource`, of names and phones only, as `changes` leave it."""
    made = copy.deepcopy(resource)
    for change in changes:
        _, *steps = re.findall(r"\w+", change.path)
        *way, last = [int(step) if step.isdigit() else step for step in steps]
        there = made
        for step in way:
            there = there[step]
        if change.kind == "delete":
            del there[last]
            if there == []:
                del made[way[0]]
        elif change.index is not None:
            there.setdefault(last, []).insert(change.index, change.after.value)
        else:
            there[last] = change.after.value
    return made


texts = st.sampled_from(["a", "b", "c"])
phones = st.fixed_dictionaries({"value": texts}, optional={"system": texts, "rank": texts})
patients = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "active": st.booleans(),
        "gender": texts,
        "telecom": st.lists(phones, min_size=1, max_size=6),
    },
)


@given(patients, patients)
def test_the_changes_make_the_one_of_the_other(between, before, after):
    assert applied(before, between(before, after)) == after


def test_many_lists_are_looked_at_no_longer_than_one(between):
    def many(last):
        given = [*["a"] * 400, last]
        return {
            "resourceType": "Patient",
            "name": [{"id": str(n), "given": given} for n in range(400)],
        }

    started = time.process_time()
    changes = between(many("b"), many("c"))
    assert {one.kind for one in changes} == {"replace"}
    assert len(changes) == 400
    assert time.process_time() - started < 5
