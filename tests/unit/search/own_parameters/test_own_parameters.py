"""Own search parameters beside R4's: https://hl7.org/fhir/R4/searchparameter.html."""

import json

import pytest

from server import content
from server.fhir.outcome import BadRequest
from server.profiles import own_parameters
from server.search import own
from server.search.index import SearchIndex
from server.search.query import QueryCompiler
from tests.unit.search.conftest import BASE, ZONE
from tests.unit.search.own_parameters.conftest import (
    PATIENT,
    SOUND,
    component,
    fact,
    messages,
    resource,
)


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


def test_those_that_come_with_the_server_can_all_be_used(all_facts):
    shipped = own_parameters.load(content.PROFILES / "SearchParameter")
    known = own.view(SearchIndex(all_facts, ZONE, BASE).plans, shipped, [])
    assert known.rejected == ()
    added = {one.url for facts in known.own.values() for one in facts}
    of_models = {one.url for one in shipped if own.is_built_in(all_facts, one)}
    assert added
    assert added.isdisjoint(of_models)
    assert added | of_models == {one.url for one in shipped}


def test_a_folder_gives_active_parameters_and_refuses_anything_else(tmp_path):
    assert own_parameters.load(tmp_path / "none") == ()
    (tmp_path / "a.json").write_text(json.dumps(resource()))
    (tmp_path / "b.json").write_text(json.dumps(resource(status="draft")))
    assert [one.url for one in own_parameters.load(tmp_path)] == ["urn:own"]
    (tmp_path / "c.json").write_text('{"resourceType": "Patient"}')
    with pytest.raises(ValueError, match=r"c\.json is no SearchParameter"):
        own_parameters.load(tmp_path)
