"""Where what is stored belongs: R1.4, R5.1; it moves with the patient it is about."""

from dataclasses import replace
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING, Visibility
from server.fhir.outcome import Forbidden
from server.search.indexes import IndexSpec
from server.store.database import Store
from server.store.documents import Draft

BY_TERM = IndexSpec("t_id", (("t", 1), ("_id", 1)))
ABOUT = {"Patient": "_id", "Observation": "pt", "Appointment": "comp"}
HERE, THERE = ["35", "3506"], ["44", "4403"]


@pytest.fixture(scope="module")
def store(mongodb, database):
    return Store.open(mongodb, database.name, lambda _: [BY_TERM], ZoneInfo("UTC"), ABOUT.get)


@pytest.fixture
def resources(store):
    return store.resources(EVERYTHING)


def about(type, id, patient, **entries):
    """Return the draft of a resource about `patient`, as one that lives HERE has it."""
    named = {"comp": [f"Patient/{patient}"], **entries}
    if ABOUT[type] == "pt":
        named["pt"] = f"Patient/{patient}"
    return Draft(type, id, b"{}", named, marks={"div": HERE}, defaults={"own": "O/1"})


def person(id, div=HERE, **more):
    return Draft("Patient", id, b"{}", {"comp": [f"Patient/{id}"]}, marks={"div": div}, **more)


@pytest.fixture
def patient(resources):
    """A patient who lives here, with an observation and an appointment."""
    id = str(uuid4())
    resources.create(person(id))
    for type in ("Observation", "Appointment"):
        resources.create(about(type, id, id))
    return id


@pytest.fixture
def stored(database):
    """Return a function that gives the document of a resource."""
    return lambda type, id: database[type].find_one({"_id": id})


def places(database, id):
    return [database[type].find_one({"_id": id}).get("div") for type in ABOUT]


def move(resources, id, div):
    assert resources.replace(person(id, div), resources.find("Patient", id))


def test_what_is_about_a_patient_belongs_where_they_do(store, patient):
    assert store.belonging.marks(f"Patient/{patient}", ()) == {"div": HERE}
    assert store.belonging.marks("Patient/nobody", ()) == {}


def test_a_record_moves_with_the_patient(database, resources, patient):
    move(resources, patient, THERE)
    assert places(database, patient) == [THERE, THERE, THERE]


def test_what_came_before_the_patient_belongs_where_they_do(stored, resources):
    id = str(uuid4())
    resources.create(Draft("Observation", id, b"{}", {"pt": f"Patient/{id}"}))
    resources.create(person(id))
    assert stored("Observation", id)["div"] == HERE


def test_what_is_stored_while_the_patient_moves_belongs_where_they_do(stored, resources, patient):
    id = str(uuid4())
    began_before = about("Observation", id, patient)
    move(resources, patient, THERE)
    resources.create(began_before)
    assert stored("Observation", id)["div"] == THERE


def test_an_update_does_not_take_back_a_move(stored, resources, patient):
    old = resources.find("Observation", patient)
    move(resources, patient, THERE)
    assert resources.replace(about("Observation", patient, patient), old) is None
    assert stored("Observation", patient)["div"] == THERE


@pytest.mark.parametrize("write", ["create", "create_unless_found", "replace"])
def test_what_gets_a_label_while_the_patient_keeps_it_is_kept(
    stored, store, resources, patient, write
):
    id = patient if write == "replace" else str(uuid4())
    sensitive = about("Observation", id, patient, sec=["HIV"])
    old = resources.find("Observation", id)
    store.belonging.keep(f"Patient/{patient}", ["HIV"])
    if write == "create":
        resources.create(sensitive)
    elif write == "create_unless_found":
        resources.create_unless_found(sensitive, {"_id": id}, id)
    else:
        assert resources.replace(sensitive, old)
    assert stored("Observation", id)["shut"]


def test_a_patient_can_shut_others_out_and_let_them_in_again(stored, store, resources, patient):
    store.belonging.keep(f"Patient/{patient}", ["ALL"])
    assert all(stored(type, patient)["shut"] for type in ABOUT)
    assert store.belonging.marks(f"Patient/{patient}", ()) == {"div": HERE, "shut": True}
    move(resources, patient, HERE)
    assert stored("Patient", patient)["shut"]
    store.belonging.keep(f"Patient/{patient}", [])
    assert not any("shut" in stored(type, patient) for type in ABOUT)
    assert store.belonging.marks(f"Patient/{patient}", ()) == {"div": HERE}


def test_a_patient_can_keep_what_has_a_label(stored, store, resources, patient):
    sensitive = str(uuid4())
    resources.create(about("Observation", sensitive, patient, sec=["HIV"]))
    store.belonging.keep(f"Patient/{patient}", ["HIV"])
    assert stored("Observation", sensitive)["shut"]
    assert "shut" not in stored("Observation", patient)
    store.belonging.keep(f"Patient/{patient}", ["PSY"])
    assert "shut" not in stored("Observation", sensitive)


def test_who_stored_it_stays_responsible(stored, resources, patient):
    old = resources.find("Observation", patient)
    other = replace(about("Observation", patient, patient), defaults={"own": "O/2"})
    assert resources.replace(other, old).marks["own"] == "O/1"
    assert stored("Observation", patient)["own"] == "O/1"


def test_what_says_no_place_stays_where_it_was(stored, resources):
    id = str(uuid4())
    resources.create(Draft("Observation", id, b"{}", {}, defaults={"div": HERE}))
    elsewhere = Draft("Observation", id, b"{}", {}, defaults={"div": THERE})
    resources.replace(elsewhere, resources.find("Observation", id))
    assert stored("Observation", id)["div"] == HERE


@pytest.mark.parametrize("write", ["replace", "create_unless_found"])
def test_who_is_put_again_after_a_deletion_keeps_what_they_kept(
    stored, store, resources, patient, write
):
    store.belonging.keep(f"Patient/{patient}", ["ALL"])
    old = resources.find("Patient", patient)
    resources.replace(person(patient, THERE, defaults={"own": "O/1"}), old)
    grave = resources.delete(resources.find("Patient", patient))
    again = Draft("Patient", patient, b"{}", {}, defaults={"own": "O/2", "div": HERE})
    if write == "replace":
        assert resources.replace(again, grave)
    else:
        assert resources.create_unless_found(again, {"t": patient}, patient)[1]
    found = stored("Patient", patient)
    marks = {name: found[name] for name in ("own", "div", "kept", "shut")}
    assert marks == {"own": "O/1", "div": THERE, "kept": ["ALL"], "shut": True}


def test_who_may_write_it_is_decided_by_where_it_will_belong(store, resources, patient):
    """Not by where its writer is, where something else says it."""

    def within(_type, _letters):
        return {"div": "35"}

    local = store.resources(Visibility("local", within, within))
    old = local.find("Observation", patient)
    away = replace(about("Observation", patient, patient), marks={"div": THERE})
    with pytest.raises(Forbidden):
        local.replace(away, old)
    stays = replace(away, marks={}, defaults={"div": THERE})
    assert local.replace(stays, old).marks["div"] == HERE
