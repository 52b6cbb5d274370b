"""Where what is stored belongs: R1.4, R5.1; it moves with the patient it is about."""

from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
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


@pytest.fixture
def patient(resources):
    """A patient who lives here, with an observation and an appointment."""
    id = str(uuid4())
    resources.create(Draft("Patient", id, b"{}", {"comp": [f"Patient/{id}"]}, marks={"div": HERE}))
    for type, field in (("Observation", "pt"), ("Appointment", "comp")):
        about = f"Patient/{id}" if field == "pt" else [f"Patient/{id}"]
        entries = {field: about}
        resources.create(Draft(type, id, b"{}", entries, marks={"div": HERE, "own": "O/1"}))
    return id


def places(database, id):
    return [database[type].find_one({"_id": id}).get("div") for type in ABOUT]


def test_what_is_about_a_patient_belongs_where_they_do(store, patient):
    assert store.belonging([f"Patient/{patient}"]) == {"div": HERE}
    assert store.belonging(["Patient/nobody"]) == {}


def test_a_record_moves_with_the_patient(database, resources, patient):
    old = resources.find("Patient", patient)
    entries = {"comp": [f"Patient/{patient}"]}
    resources.replace(Draft("Patient", patient, b"{}", entries, marks={"div": THERE}), old)
    assert places(database, patient) == [THERE, THERE, THERE]


def test_what_came_before_the_patient_belongs_where_they_do(database, resources):
    id = str(uuid4())
    resources.create(Draft("Observation", id, b"{}", {"pt": f"Patient/{id}"}))
    resources.create(Draft("Patient", id, b"{}", {}, marks={"div": HERE}))
    assert database["Observation"].find_one({"_id": id})["div"] == HERE


def test_a_patient_can_shut_others_out_and_let_them_in_again(database, store, resources, patient):
    store.keep(f"Patient/{patient}", {"ALL"})
    assert all(database[type].find_one({"_id": patient})["shut"] for type in ABOUT)
    assert store.belonging([f"Patient/{patient}"]) == {"div": HERE, "kept": ["ALL"]}
    old = resources.find("Patient", patient)
    resources.replace(Draft("Patient", patient, b"{}", {}, marks={"div": HERE}), old)
    assert database["Patient"].find_one({"_id": patient})["shut"]
    store.keep(f"Patient/{patient}", ())
    assert not any("shut" in database[type].find_one({"_id": patient}) for type in ABOUT)
    assert store.belonging([f"Patient/{patient}"]) == {"div": HERE}


def test_a_patient_can_keep_what_has_a_label(database, store, resources, patient):
    sensitive = str(uuid4())
    entries = {"pt": f"Patient/{patient}", "sec": ["HIV"]}
    resources.create(Draft("Observation", sensitive, b"{}", entries))
    store.keep(f"Patient/{patient}", {"HIV"})
    assert database["Observation"].find_one({"_id": sensitive})["shut"]
    assert "shut" not in database["Observation"].find_one({"_id": patient})
    store.keep(f"Patient/{patient}", {"PSY"})
    assert "shut" not in database["Observation"].find_one({"_id": sensitive})


def test_who_stored_it_stays_responsible(database, resources, patient):
    old = resources.find("Observation", patient)
    entries = {"pt": f"Patient/{patient}"}
    other = Draft("Observation", patient, b"{}", entries, marks={"own": "O/2", "div": HERE})
    assert resources.replace(other, old).marks["own"] == "O/1"
    assert database["Observation"].find_one({"_id": patient})["own"] == "O/1"
