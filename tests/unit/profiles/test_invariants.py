"""R4's invariants hold or do not, resource by resource.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.profiles.invariants.checking import IN_STRUCTURE, Invariants
from server.profiles.invariants.evaluation import compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.profiles.invariants.items import Model
from server.profiles.shapes import shapes

SHANGHAI = ZoneInfo("Asia/Shanghai")
CODE = {"text": "c"}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": CODE}
STATED = {"status": "active", "name": "A", "url": "urn:a"}
ACTIVE = {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"}


@pytest.fixture(scope="module")
def known(definitions):
    return Invariants(definitions, Model(shapes(definitions)), SHANGHAI)


@pytest.fixture(scope="module")
def broken(known):
    """Return a function that gives the (key, expression) pairs of what a resource breaks."""

    def found(resource):
        issues = [one for one in known.faults(resource) if one.severity == "error"]
        return [(one.arguments["key"], one.expression) for one in issues]

    return found


def period(start, end):
    return {
        "resourceType": "Patient",
        "name": [{"text": "a", "period": {"start": start, "end": end}}],
    }


def questionnaire(*items):
    return {"resourceType": "Questionnaire", "status": "active", "item": list(items)}


def entry(type, resource, **more):
    return {
        "resourceType": "Bundle",
        "type": type,
        "entry": [{"fullUrl": "http://a/b", "resource": resource, **more}],
    }


BARE_CONTACT = {"resourceType": "Patient", "contact": [{"gender": "male"}]}
CONTAINED = {"resourceType": "Organization", "id": "o", "name": "A"}
POINTING = {"resourceType": "Patient", "managingOrganization": {"reference": "#o"}}


@pytest.mark.parametrize(
    ("resource", "key", "place"),
    [
        (BARE_CONTACT, "pat-1", "Patient.contact[0]"),
        (period("2024-05-02", "2024-05-01"), "per-1", "Patient.name[0].period"),
        (
            {**OBSERVATION, "referenceRange": [{"appliesTo": [CODE]}]},
            "obs-3",
            "Observation.referenceRange[0]",
        ),
        (
            {**OBSERVATION, "valueString": "a", "dataAbsentReason": CODE},
            "obs-6",
            "Observation",
        ),
        (
            {
                **OBSERVATION,
                "code": {"coding": [{"code": "a"}]},
                "valueString": "a",
                "component": [{"code": {"coding": [{"code": "a"}]}}],
            },
            "obs-7",
            "Observation",
        ),
        (
            {**OBSERVATION, "valueQuantity": {"value": 1, "code": "mg"}},
            "qty-3",
            "Observation.value",
        ),
        (
            {**OBSERVATION, "valueRange": {"low": {"value": 2}, "high": {"value": 1}}},
            "rng-2",
            "Observation.value",
        ),
        ({**POINTING, "contained": []}, "ref-1", "Patient.managingOrganization"),
        ({"resourceType": "Patient", "contained": [CONTAINED]}, "dom-3", "Patient"),
        (
            {**POINTING, "contained": [{**CONTAINED, "meta": {"versionId": "1"}}]},
            "dom-4",
            "Patient",
        ),
        (questionnaire({"linkId": "a", "type": "display"}, {"linkId": "a", "type": "display"}),
         "que-2", "Questionnaire"),
        (questionnaire({"linkId": "a", "type": "group", "item": [
            {"linkId": "b", "type": "display", "required": True}]}),
         "que-6", "Questionnaire.item[0].item[0]"),
        (
            {"resourceType": "ValueSet", "status": "active", "compose": {"include": [{}]}},
            "vsd-1",
            "ValueSet.compose.include[0]",
        ),
        (
            {**entry("collection", {"resourceType": "Patient"}), "total": 1},
            "bdl-1",
            "Bundle",
        ),
        (entry("transaction", {"resourceType": "Patient"}), "bdl-3", "Bundle"),
        (
            entry("collection", {"resourceType": "Patient", "contact": [{"gender": "male"}]}),
            "pat-1",
            "Bundle.entry[0].resource.contact[0]",
        ),
        (
            {"resourceType": "Linkage", "item": [
                {"type": "source", "resource": {"reference": "Patient/a"}}]},
            "lnk-1",
            "Linkage",
        ),
        ({"resourceType": "Organization", "active": True}, "org-1", "Organization"),
        (
            {"resourceType": "Parameters", "parameter": [{"name": "a"}]},
            "inv-1",
            "Parameters.parameter[0]",
        ),
        (
            {**OBSERVATION, "effectiveTiming": {"repeat": {"duration": -1, "durationUnit": "h"}}},
            "tim-4",
            "Observation.effective.repeat",
        ),
    ],
)  # fmt: skip
def test_what_breaks_an_invariant_is_told_with_its_place(broken, resource, key, place):
    assert (key, place) in broken(resource)


@pytest.mark.parametrize(
    "resource",
    [
        OBSERVATION,
        period("2024-05-01", "2024-05-02"),
        {**POINTING, "contained": [CONTAINED]},
        {**OBSERVATION, "valueQuantity": {"value": 1, "code": "mg", "system": "urn:u"}},
        questionnaire({"linkId": "a", "type": "display"}, {"linkId": "b", "type": "display"}),
        entry("collection", {**POINTING, "contained": [CONTAINED]}),
    ],
)
def test_what_keeps_all_invariants_has_no_faults(broken, resource):
    assert broken(resource) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-05", "2024-05-03"),
        ("2024-05-03", "2024-05"),
        ("2024", "2024-01-01T00:00:00+08:00"),
        ("2024-05-02", "2024-05-02T01:00:00+08:00"),
    ],
)
def test_dates_that_cannot_be_told_apart_are_no_fault(broken, start, end):
    assert broken(period(start, end)) == []


def test_the_structure_knows_the_invariants_that_are_left_out(definitions):
    known = {one.key for rules in definitions.constraints.values() for one in rules}
    assert known >= IN_STRUCTURE


def test_every_expression_of_r4_is_understood(definitions):
    for rules in definitions.constraints.values():
        for one in rules:
            if one.key not in IN_STRUCTURE:
                compiled(one.expression, FUNCTIONS)


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient",
         "contained": [{**CONTAINED, "id": f"o{n}"} for n in range(3000)],
         "generalPractitioner": [{"reference": f"#o{n}"} for n in range(3000)]},
        questionnaire(*({"linkId": "a", "type": "display"} for _ in range(10_000))),
    ],
    ids=["contained", "link-ids"],
)  # fmt: skip
def test_a_large_resource_takes_a_bounded_time(broken, resource):
    begun = time.process_time()
    broken(resource)
    assert time.process_time() - begun < 10


def test_what_would_take_too_long_says_so(known, monkeypatch):
    monkeypatch.setattr("server.profiles.invariants.checking._BUDGET", 5)
    (*_, last) = known.faults(POINTING)
    assert last.message == "invariants-too-costly"


days = st.dates().map(lambda day: day.isoformat()).flatmap(
    lambda text: st.sampled_from([text, text[:7], text[:4], f"{text}T10:00:00+08:00"])
)  # fmt: skip


@given(days, days)
def test_a_period_is_not_at_fault_in_both_directions(known, start, end):
    faults = [
        [one.arguments["key"] for one in known.faults(each) if one.severity == "error"]
        for each in (period(start, end), period(end, start))
    ]
    assert [] in faults
    assert all(keys in ([], ["per-1"]) for keys in faults)
