"""Own search parameters beside R4's: https://hl7.org/fhir/R4/searchparameter.html."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import content
from server.fhir.outcome import BadRequest
from server.profiles import own_parameters
from server.search import own
from server.search.index import SearchIndex
from server.search.query import QueryCompiler
from tests.unit.search.conftest import BASE, ZONE

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "陈", "given": ["甲子"]}],
    "maritalStatus": {"coding": [{"system": "urn:m", "code": "S"}]},
    "birthDate": "1984-02-02",
    "multipleBirthInteger": 2,
    "generalPractitioner": [{"reference": "Practitioner/a"}],
    "extension": [{"url": "urn:village", "valueString": "桃花村"}],
}


def resource(**elements):
    """Return an active SearchParameter of Patient."""
    return {
        "resourceType": "SearchParameter",
        "id": "own",
        "url": "urn:own",
        "name": "Own",
        "status": "active",
        "description": "Own",
        "code": "own",
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.maritalStatus",
        **elements,
    }


def fact(**elements):
    return own_parameters.read(resource(**elements))


@pytest.fixture
def index(facts):
    return SearchIndex(facts, ZONE, BASE)


@pytest.fixture
def plans(index):
    return index.plans


def messages(plans, parameter, beside=None):
    return [
        issue.message.removeprefix("own-parameter-")
        for issue in own.faults(plans, parameter, beside or {})
    ]


def component(definition, expression):
    return {
        "definition": f"http://hl7.org/fhir/SearchParameter/{definition}",
        "expression": expression,
    }


SOUND = [
    {},
    {"type": "string", "expression": "Patient.extension('urn:village')"},
    {"type": "number", "expression": "Patient.multipleBirth"},
    {"type": "date", "expression": "Patient.birthDate"},
    {"type": "reference", "expression": "Patient.generalPractitioner", "target": ["Practitioner"]},
    {"type": "quantity", "base": ["Observation"], "expression": "Observation.value"},
    {"type": "uri", "base": ["Resource"], "expression": "Resource.implicitRules"},
    {"base": ["DomainResource"], "expression": "DomainResource.text.status"},
    {"base": ["Patient", "Person"], "expression": "Patient.gender | Person.gender"},
    {"expression": "Patient.contact.where(gender = 'male').relationship"},
    {
        "type": "composite",
        "base": ["Observation"],
        "expression": "Observation.component",
        "component": [
            component("clinical-code", "code"),
            component("Observation-value-quantity", "value"),
        ],
    },
]


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


@settings(max_examples=500, deadline=None)
@given(EXPRESSIONS, TYPES)
def test_whatever_an_expression_is_it_is_refused_or_it_indexes(facts, expression, type):
    index = SearchIndex(facts, ZONE, BASE)
    parameter = fact(type=type, expression=expression)
    if not own.faults(index.plans, parameter, {}):
        index.plans.replace({"Patient": (parameter,)}, {})
        assert index.entries(PATIENT)


def test_of_two_with_one_code_the_second_is_refused(plans):
    first = fact()
    assert messages(plans, fact(url="urn:other"), {"Patient": (first,)}) == ["code-taken"]
    assert messages(plans, fact(expression="Patient.gender"), {"Patient": (first,)}) == []


@pytest.mark.parametrize(
    "elements", [each for each in SOUND if "Patient" in each.get("base", ["Patient"])]
)
def test_r4s_own_entries_stay_as_they_are(facts, index, elements):
    plain = SearchIndex(facts, ZONE, BASE).entries(PATIENT)
    index.plans.replace({"Patient": (fact(**elements),)}, {})
    with_own = index.entries(PATIENT)
    assert with_own["comp"] == plain["comp"]
    for field in ("t", "s", "has"):
        assert [one for one in with_own[field] if not one.startswith("own")] == plain[field]


def test_a_parameter_is_found_by_when_it_is_in_force_and_not_after(index, facts, database):
    queries = QueryCompiler(facts, ZONE, BASE, plans=index.plans)
    own_parameter = fact()
    index.plans.replace({"Patient": (own_parameter,)}, {})
    database.Patient.insert_one({"_id": "p", **index.entries(PATIENT)})
    assert (
        database.Patient.count_documents(queries.compile("Patient", [("own", "urn:m|S")]).condition)
        == 1
    )
    assert (
        database.Patient.count_documents(queries.compile("Patient", [("own", "urn:m|T")]).condition)
        == 0
    )
    assert queries.searchable("Patient")["own"] == own_parameter

    index.plans.replace({}, {})
    assert "own" not in queries.searchable("Patient")
    assert not any(term.startswith("own=") for term in index.entries(PATIENT)["t"])
    with pytest.raises(BadRequest, match="has no search parameter"):
        queries.compile("Patient", [("own", "S")])


@pytest.mark.parametrize(
    ("name", "value"),
    [("own", "S"), ("own:not", "S"), ("_sort", "-birthdate,-own"), ("_filter", "own eq S"),
     ("link:Patient.own", "S"), ("own.name", "S"), ("_has:Patient:own:name", "S")],
)  # fmt: skip
def test_a_parameter_that_waits_is_indexed_but_refused_by_name(index, facts, name, value):
    queries = QueryCompiler(facts, ZONE, BASE, plans=index.plans)
    index.plans.replace({"Patient": (fact(),)}, {"Patient": {"own": 37}})
    assert "own=urn:m|S" in index.entries(PATIENT)["t"]
    assert "own" not in queries.searchable("Patient")
    with pytest.raises(BadRequest, match=r'"own" of Patient is being indexed \(37 %'):
        queries.compile("Patient", [(name, value)])


def test_progress_alone_makes_no_new_edition(plans):
    plans.replace({"Patient": (fact(),)}, {"Patient": {"own": 1}})
    edition, complete = plans.edition, plans.complete("Patient")
    plans.replace({"Patient": (fact(),)}, {"Patient": {"own": 2}})
    assert plans.edition == edition
    plans.replace({"Patient": (fact(),)}, {})
    assert plans.edition == edition + 1
    assert plans.complete("Patient") is complete


def test_one_that_finds_what_another_does_has_no_entries(plans, index):
    twin = resource(code="zz", expression="Patient.gender")
    known = own.view(plans, [], [twin, resource(id="b", url="urn:b")])
    assert [one.code for one in known.own["Patient"]] == ["zz", "own"]
    assert [one.code for one in known.indexed["Patient"]] == ["own"]
    plans.replace(known.own, own.waiting(known))
    assert [one.code for one in plans["Patient"].parameters["zz"].sources] == ["gender"]
    assert "own" not in plans["Patient"].parameters


def test_a_view_has_what_is_active_and_can_be_had_together(plans):
    known = own.view(
        plans,
        [],
        [
            resource(id="a"),
            resource(id="b", url="urn:b", expression="Patient.gender"),
            resource(id="c", url="urn:c", code="c", status="draft"),
            resource(id="d", url="urn:d", code="d", status="retired"),
            resource(id="e", url="urn:e", code="e", expression="Patient.nothing"),
            resource(id="f", code="f"),
            resource(
                id="g", url="http://hl7.org/fhir/SearchParameter/individual-gender", code="gender"
            ),
        ],
    )
    assert [one.id for one in known.own["Patient"]] == ["a"]
    assert [one.id for one, _ in known.rejected] == ["b", "e", "f"]


def test_a_composite_may_be_made_of_own_parameters_stored_after_it(plans, index):
    pair = resource(
        id="a",
        url="urn:a",
        code="pair",
        type="composite",
        base=["Observation"],
        expression="Observation.component",
        component=[
            component("clinical-code", "code"),
            {"definition": "urn:b", "expression": "value"},
        ],
    )
    part = resource(
        id="b",
        url="urn:b",
        code="part",
        type="string",
        base=["Observation"],
        expression="Observation.component.value",
    )
    known = own.view(plans, [], [pair, part])
    assert known.rejected == ()
    plans.replace(known.own, {})
    entries = index.entries(
        {
            "resourceType": "Observation",
            "component": [{"code": {"coding": [{"code": "a"}]}, "valueString": "Left"}],
        }
    )
    assert [one["p"] for one in entries["k"] if one["p"] == "pair"] == ["pair"]


def test_identities_tell_definitions_apart_and_nothing_else(plans):
    same = own_parameters.identity(fact(description="other words", id="other"))
    assert same == own_parameters.identity(fact())
    for changed in (
        {"expression": "Patient.gender"},
        {"code": "b"},
        {"url": "urn:b"},
        {"type": "string"},
    ):
        assert own_parameters.identity(fact(**changed)) != same


def test_those_that_come_with_the_server_can_all_be_used(plans):
    shipped = own_parameters.load(content.PROFILES / "SearchParameter")
    known = own.view(plans, shipped, [])
    assert known.rejected == ()
    assert {one.code for facts in known.own.values() for one in facts} == {
        one.code for one in shipped
    }


def test_a_folder_gives_active_parameters_and_refuses_anything_else(tmp_path):
    assert own_parameters.load(tmp_path / "none") == ()
    (tmp_path / "a.json").write_text(json.dumps(resource()))
    (tmp_path / "b.json").write_text(json.dumps(resource(status="draft")))
    assert [one.url for one in own_parameters.load(tmp_path)] == ["urn:own"]
    (tmp_path / "c.json").write_text('{"resourceType": "Patient"}')
    with pytest.raises(ValueError, match=r"c\.json is no SearchParameter"):
        own_parameters.load(tmp_path)
