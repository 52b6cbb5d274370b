"""Which search parameters can be had: https://hl7.org/fhir/R4/searchparameter.html."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.search import own
from tests.unit.search.own_parameters.conftest import (
    PATIENT,
    SOUND,
    component,
    fact,
    messages,
    resource,
)


@pytest.mark.parametrize("elements", SOUND)
def test_what_means_something_for_each_base_is_taken(plans, elements):
    assert messages(plans, fact(**elements)) == []


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"base": ["Patienten"]}, "base-unknown"),
        ({"base": ["HumanName"]}, "base-unknown"),
        ({"code": "_own"}, "code-malformed"),
        ({"code": "a:exact"}, "code-malformed"),
        ({"code": "a.b"}, "code-malformed"),
        ({"code": "$where"}, "code-malformed"),
        ({"code": "a" * 65}, "code-malformed"),
        ({"code": "gender"}, "code-taken"),
        ({"type": "composite"}, "component-missing"),
        ({"expression": None}, "expression-missing"),
        ({"expression": "Patient.nothing"}, "expression-refused"),
        ({"expression": "Patient.name.matches('a*')"}, "expression-refused"),
        ({"expression": "Patient.birthDate.where(hasExtension('urn:a'))"}, "expression-refused"),
        ({"expression": "Patient.birthDate.where(resolve() is Patient)"}, "expression-refused"),
        ({"expression": "Patient..name"}, "expression-refused"),
        ({"expression": "Observation.code"}, "expression-empty"),
        ({"base": ["Patient", "Person"]}, "expression-empty"),
        ({"expression": "(" * 9 + "Patient.name" + ")" * 9}, "expression-too-large"),
        ({"expression": "(" * 50_000}, "expression-too-large"),
        ({"expression": " | ".join(["Patient.gender"] * 60)}, "expression-too-large"),
        ({"expression": "Patient.name"}, "type-differs"),
        ({"type": "number"}, "type-differs"),
        ({"type": "reference", "target": ["Doctor"]}, "target-unknown"),
    ],
)
def test_what_could_never_find_anything_is_refused(plans, elements, message):
    assert message in messages(plans, fact(**elements))


def test_an_expression_of_too_many_ways_is_refused(plans):
    many = " | ".join(f"Patient.extension('urn:{n}')" for n in range(4))
    assert messages(plans, fact(type="string", expression=many)) == ["ways-too-many"]


@pytest.mark.parametrize(
    ("components", "message"),
    [
        (
            [component("clinical-code", "code"), component("of-nothing", "value")],
            "component-unknown",
        ),
        (
            [component("clinical-code", "code"), component("clinical-date", "interpretation")],
            "component-refused",
        ),
        (
            [component("clinical-code", "code"), component("Observation-status", "nothing")],
            "component-refused",
        ),
    ],
)
def test_components_have_to_exist_and_to_fit(plans, components, message):
    elements = {"type": "composite", "base": ["Observation"], "expression": "Observation.component"}
    assert messages(plans, fact(component=components, **elements)) == [message]


WORDS = st.sampled_from(
    [
        *("Patient", "name", "given", "birthDate", "extension", "where", "resolve()", "exists()"),
        *(".", "(", ")", "|", "=", "[", "]", ",", "'a'", "0", "true", "`", "//", "%resource", "\\"),
    ]
)
STARTS = st.sampled_from(
    [
        *("Patient", "%resource", "name", "Patient.name.given", "birthDate", "Patient.deceased"),
        *("Patient.extension", "generalPractitioner", "Patient.contact", "Patient.multipleBirth"),
    ]
)
STEPS = st.sampled_from(
    [
        *("", ".where(use = 'a')", ".where(hasExtension('a'))", ".where(resolve() is Patient)"),
        *(
            ".where(value = true)",
            ".extension('urn:village')",
            ".value",
            "[0]",
            ".exists()",
            ".use",
        ),
        *(
            " as string",
            " != 'a'",
            ".where(name.exists() and active = true)",
            ".where(family.a = 1)",
        ),
    ]
)
PATHS = st.builds(lambda start, steps: start + "".join(steps), STARTS, st.lists(STEPS, max_size=3))
EXPRESSIONS = st.one_of(
    st.lists(WORDS, max_size=12).map("".join),
    st.lists(PATHS, min_size=1, max_size=3).map(" | ".join),
)
TYPES = st.sampled_from(["token", "string", "date", "reference", "number", "quantity", "uri"])


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EXPRESSIONS, TYPES)
def test_whatever_an_expression_is_it_is_refused_or_it_indexes(index, expression, type):
    # An index of its own for each would be worked out from all that R4 defines.
    index.plans.replace({}, {})
    parameter = fact(type=type, expression=expression)
    if not own.faults(index.plans, parameter, {}):
        index.plans.replace({"Patient": (parameter,)}, {})
        assert index.entries(PATIENT)


def test_what_the_server_brings_and_has_stored_as_well_is_in_force_once(plans):
    brought = fact()
    known = own.view(plans, [brought], [resource(), resource(id="another")])
    assert known.own["Patient"] == (brought,)
    assert [one.id for one, _ in known.rejected] == ["another"]
