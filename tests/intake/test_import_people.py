"""Rows about persons: one person is one Patient, and what a row no longer says is in error.

Spec: docs/import.md
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from server.fhir.error_entries import is_in_error
from tests.builders import ID_CARD
from tests.intake import files
from tests.intake.test_import_operation import CSV, sent
from tests.intake.test_to_dataset import row

PEOPLE = "$import?dataset=PersonalInformation"
RECORDS = "urn:oid:2.16.156.10011.1.2"
MINE = ("身份证件类别代码", "身份证件号码")


def told(caller, *rows):
    """Import rows; return what became of them and the text of the rejects."""
    done = sent(caller, PEOPLE, files.csv_of(rows), **CSV)
    text = caller.send("GET", done["rejects"]).text if done["rejected"] else ""
    return done, text


def patients(caller, system, value):
    found = caller.send("GET", f"Patient?identifier={system}|{value}").json()
    return [one["resource"]["id"] for one in found.get("entry", ())]


def live(caller, type, patient):
    """Return what is said of a person by resources of `type`, each by its id."""
    found = caller.send("GET", f"{type}?patient={patient}&_count=100").json().get("entry", ())
    resources = [one["resource"] for one in found]
    return {
        one["id"]: [each["code"] for each in one.get("code", one.get("type"))["coding"]]
        for one in resources
        if not is_in_error(one)
    }


@pytest.mark.parametrize("first", [0, 1])
def test_rows_of_one_file_by_different_numbers_are_one_person(caller, first):
    whole = files.person(210 + first)
    bare = {name: value for name, value in whole.items() if name not in MINE}
    rows = [whole, bare][:: -1 if first else 1]
    done, text = told(caller, *rows)
    assert done["taken"] == 2, text
    assert len(patients(caller, RECORDS, whole["城乡居民健康档案编号"])) == 1
    assert len(patients(caller, ID_CARD, whole["身份证件号码"])) == 1
    again, text = told(caller, *rows)
    assert (again["rejected"], again["resources"]) == (0, 0), text


def test_rows_of_several_files_at_once_by_different_numbers_are_one_person(caller):
    whole = files.person(220)
    bare = {name: value for name, value in whole.items() if name not in MINE}
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda one: told(caller, one), [whole, bare, whole, bare]))
    assert [text for _, text in done if text] == []
    assert len(patients(caller, RECORDS, whole["城乡居民健康档案编号"])) == 1


CORRECTED = {
    "药物过敏源": "102",
    "既往患病种类代码": "03",
    "既往患病确诊日期": "20120305",
}


def test_what_a_corrected_row_no_longer_says_is_in_error_and_the_rest_stays_what_it_is(caller):
    first = files.person(230) | {"药物过敏源": "101|102|103"}
    told(caller, first)
    (patient,) = patients(caller, ID_CARD, first["身份证件号码"])
    before = {type: live(caller, type, patient) for type in ("AllergyIntolerance", "Condition")}
    told(caller, first | CORRECTED)
    after = {type: live(caller, type, patient) for type in before}
    assert [len(one) for one in after.values()] == [1, 1]
    # None has become another: what is left is what it was.
    assert all(one.items() <= before[type].items() for type, one in after.items())
    answer = caller.send("GET", f"Patient/{patient}/$to-dataset")
    assert row(answer) == first | CORRECTED
    told(caller, first)
    assert {type: live(caller, type, patient) for type in before} == before
    assert row(caller.send("GET", f"Patient/{patient}/$to-dataset")) == first


def test_a_corrected_check_up_leaves_other_check_ups_alone(caller):
    path = "$import?dataset=HealthCheck"
    first = files.check_up(240)
    later = first | {"体检日期": "20250506"}
    for one in (first, later, {name: first[name] for name in first if "收缩压" not in name
                               and "舒张压" not in name}):  # fmt: skip
        done = sent(caller, path, files.csv_of([one]), **CSV)
        assert done["rejected"] == 0
    (patient,) = patients(caller, ID_CARD, first["身份证件号码"])
    found = caller.send("GET", f"Encounter?patient={patient}").json()["entry"]
    rows = {
        one["resource"]["period"]["start"]: row(
            caller.send("GET", f"Encounter/{one['resource']['id']}/$to-dataset")
        )
        for one in found
    }
    pressure = "左侧收缩压（mmHg）"
    assert pressure not in rows["2024-05-06"]
    assert rows["2025-05-06"][pressure] == first[pressure]
