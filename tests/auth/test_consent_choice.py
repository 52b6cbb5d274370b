"""AUT-11, AUT-15, AUT-20, AUT-21: what a person ticks is what an app gets."""

import pytest

from server.access import categories
from server.auth import shelves
from server.content import PROFILES, TERMINOLOGY
from server.search import sensitivity
from tests import builders

BOTH = "patient/Observation.rs patient/Condition.rs patient/DiagnosticReport.read"


def test_every_label_is_in_one_sensitive_category():
    declared = categories.load(PROFILES)
    labels = [label for one in declared.labels.values() for label in one]
    assert sorted(labels) == sorted(sensitivity.declared(TERMINOLOGY))


def test_every_type_is_in_one_category(world):
    declared, known = categories.load(PROFILES), world.services.interpreters
    found = [
        type for one in declared.names for type in declared.types(one, known.types, known.roles)
    ]
    assert len(found) == len(set(found))
    assert set(found) == {type for type in known.types if not known.roles.is_internal(type)}


def test_categories_are_ticked_and_sensitive_ones_are_not(world, app, someone):
    visit = world.visit(app, someone)
    visit.ask(scope=f"{BOTH} openid offline_access")
    assert visit.ticks == {
        "diagnoses.see": True,
        "results.see": True,
        "identity": True,
        "offline_access": True,
        "sensitive.reproductive": False,
        "sensitive.mental": False,
        "sensitive.infectious": False,
        "sensitive.genetic": False,
        "sensitive.substance": False,
    }


def test_the_token_is_what_was_ticked_as_the_client_spelled_it(world, app, someone):
    """AUT-20, P18, g10_smart_limited_app."""
    tokens = world.tokens(app, someone, scope=BOTH, ticks=["results.see"])
    assert tokens["scope"] == "patient/Observation.rs patient/DiagnosticReport.read"
    assert world.read("Observation", tokens["access_token"]).status_code == 200
    assert world.read("DiagnosticReport", tokens["access_token"]).status_code == 200
    assert world.read("Condition", tokens["access_token"]).status_code == 403


def test_words_can_be_left_out(world, app, someone):
    """AUT-20."""
    scope = f"openid fhirUser offline_access {BOTH}"
    tokens = world.tokens(app, someone, scope=scope, ticks=["diagnoses.see"])
    assert tokens["scope"] == "patient/Condition.rs"
    assert not {"id_token", "refresh_token"} & tokens.keys()


def test_writing_is_ticked_apart_from_reading(world, app, someone):
    scope = "patient/Observation.cruds patient/DiagnosticReport.rs"
    visit = world.visit(app, someone)
    visit.ask(scope=scope)
    assert {"results.see", "results.change"} <= visit.ticks.keys()
    tokens = world.tokens(app, someone, scope=scope, ticks=["results.see"])
    assert tokens["scope"] == "patient/DiagnosticReport.rs"


def test_all_types_stay_all_types_if_nothing_is_left_out(world, app, someone):
    tokens = world.tokens(app, someone, scope="patient/*.read user/*.rs")
    assert tokens["scope"] == "patient/*.read user/*.rs"


@pytest.mark.parametrize("given", [["medicines.see"], ["wildcard.see", "medicines.see"]])
def test_all_types_become_some_if_some_are_ticked(world, app, someone, given):
    """AUT-20: the wildcard cannot outweigh what was left out."""
    tokens = world.tokens(app, someone, scope="patient/*.read", ticks=given)
    assert set(tokens["scope"].split()) == {
        "patient/MedicationAdministration.read",
        "patient/MedicationDispense.read",
        "patient/MedicationRequest.read",
        "patient/MedicationStatement.read",
    }
    assert world.read("Observation", tokens["access_token"]).status_code == 403


def test_all_categories_without_the_future_are_all_types_of_today(world, app, someone):
    visit = world.visit(app, someone)
    visit.ask(scope="patient/*.rs")
    ticks = [name for name, is_ticked in visit.ticks.items() if is_ticked and "wild" not in name]
    tokens = visit.redeem(visit.allow(ticks)["code"]).json()
    assert "*" not in tokens["scope"]
    assert "patient/Observation.rs" in tokens["scope"].split()
    assert "AuditEvent" not in tokens["scope"]


def test_a_limit_stays_on_the_types_of_a_wildcard(world, app, someone):
    scope = "patient/*.rs?_lastUpdated=ge2020"
    tokens = world.tokens(app, someone, scope=scope, ticks=["family.see"])
    assert tokens["scope"] == "patient/FamilyMemberHistory.rs?_lastUpdated=ge2020"


def test_spellings_of_both_versions_mix(world, app, someone):
    scope = "patient/Observation.read patient/Condition.rs patient/Observation.rs"
    assert world.tokens(app, someone, scope=scope)["scope"] == scope


@pytest.mark.parametrize("ticks", [[], ["nothing"], ["visits.see"], ["居民"], ["sensitive.mental"]])
def test_ticks_that_come_to_nothing_ask_again(world, app, someone, ticks):
    visit = world.visit(app, someone)
    visit.ask(scope=BOTH)
    visit.allow(ticks)
    assert visit.answer.status_code == 422
    assert visit.page.action
    assert "code" in visit.allow(["results.see"])


def test_ticks_cannot_add_what_was_not_asked_for(world, app, someone):
    """AUT-20."""
    ticks = ["results.see", "results.change", "medicines.see", "wildcard.see", "offline_access"]
    tokens = world.tokens(app, someone, scope="patient/Observation.rs", ticks=ticks)
    assert tokens["scope"] == "patient/Observation.rs"
    assert "refresh_token" not in tokens


def test_who_refuses_is_asked_nothing_more(world, app, someone):
    """AUT-15."""
    visit = world.visit(app, someone)
    visit.ask()
    told = visit.deny()
    assert visit.answer.status_code == 303
    assert told == {"error": "access_denied", "state": visit.state, "iss": world.root}
    where = {"client": app.id, "account": someone.id}
    for layout in (shelves.GRANTS, shelves.RECEIPTS, shelves.CODES):
        assert world.services.store.shelf(layout).count(where) == 0


def depression(world, patient):
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}]}
    return world.store(
        {"resourceType": "Condition", "code": code, "subject": {"reference": patient}}
    )


def test_sensitive_data_is_withheld_unless_it_is_ticked(world, app, someone):
    """Personal Information Protection Law article 29."""
    sensitive = depression(world, someone.patient)
    plain = world.tokens(app, someone, scope="patient/Condition.rs")
    assert world.read(sensitive, plain["access_token"]).status_code == 404
    told = world.tokens(
        app, someone, scope="patient/Condition.rs", sensitive=["mental"], prompt="consent"
    )
    assert world.read(sensitive, told["access_token"]).status_code == 200
    assert world.read(sensitive, plain["access_token"]).status_code == 404
    assert world.grant(app, someone)["labels"] == ["PSY"]


def test_a_parent_chooses_whose_data_it_is(world, app, someone):
    """AUT-21."""
    child = world.child_of(someone)
    visit = world.visit(app, someone)
    visit.ask(scope="patient/*.rs")
    assert {f"Patient/{one}" for one in visit.persons} == {someone.patient, child}
    tokens = visit.redeem(visit.allow(patient=child)["code"]).json()
    assert f"Patient/{tokens['patient']}" == child
    assert world.read(child, tokens["access_token"]).status_code == 200
    assert world.read(someone.patient, tokens["access_token"]).status_code == 404


def test_a_child_of_fourteen_is_not_offered(world, app, someone):
    """AUT-21; article 31."""
    world.child_of(someone, born="2005-01-01")
    visit = world.visit(app, someone)
    visit.ask()
    assert [f"Patient/{one}" for one in visit.persons] == [someone.patient]


@pytest.mark.parametrize("whose", ["another", "nobody", "", "居民", "../x", "$ne"])
def test_nobody_chooses_another_persons_data(world, app, someone, whose):
    """AUT-21."""
    other = world.resident().patient if whose == "another" else whose
    visit = world.visit(app, someone)
    visit.ask()
    page = visit.page
    visit.decide("allow", patient=other)
    assert visit.answer.status_code == 403
    visit.page = page
    assert "code" in visit.allow()


def test_scopes_of_the_person_reach_whom_was_chosen_only(world, app, someone):
    child = world.child_of(someone)
    tokens = world.tokens(app, someone, scope="user/Patient.rs", patient=child)
    assert world.read(child, tokens["access_token"]).status_code == 200
    assert world.read(someone.patient, tokens["access_token"]).status_code == 404


def test_an_app_that_only_signs_people_in_asks_for_nobodys_data(world, app, someone):
    visit = world.visit(app, someone)
    visit.ask(scope="openid fhirUser")
    assert visit.persons == []
    assert set(visit.ticks) == {"identity"}


def test_an_observation_of_another_patient_stays_hidden(world, app, someone):
    other = world.store(
        builders.observation(subject={"reference": world.store(builders.patient())})
    )
    tokens = world.tokens(app, someone)
    assert world.read(other, tokens["access_token"]).status_code == 404
