"""What is counted of a record, and what the report of the numbers says."""

from datetime import datetime

import pytest

from server.interactions.quality.measuring import Outcome, contradicted, counted
from server.interactions.quality.reporting import report
from server.mappings.measured import Measured
from server.profiles.identity_numbers.residents import ID_NUMBER
from server.store.tallies import Tally

NOW = datetime.fromisoformat("2024-05-10T12:00:00+08:00")
PATHS = ("chiefComplaint", "diagnosis.code", "diagnosis.name")
RECORD = {
    "start": "2024-05-08T09:00:00+08:00",
    "chiefComplaint": "头晕",
    "diagnosis": [{"name": "高血压"}],
}


def of(fate, record=RECORD, *rules):
    return counted(Outcome(fate, record, rules), PATHS, NOW)


def test_a_new_record_is_counted_with_the_elements_that_it_has():
    assert of("new") == {
        "submitted": 1, "taken": 1, "told": 1, "timed": 1,
        "element:chiefComplaint": 1, "element:diagnosis.name": 1,
        "delay:3d": 1, "delay:7d": 1, "delay:30d": 1,
    }  # fmt: skip


def test_the_same_again_is_taken_and_tells_nothing():
    assert of("same") == {"submitted": 1, "taken": 1, "again": 1}


def test_a_correction_is_one():
    assert of("changed")["corrected"] == 1


def test_a_refused_record_is_counted_by_its_rules():
    found = of("refused", {}, "length", "contradiction")
    assert found == {"submitted": 1, "contradicted": 1, "rule:length": 1, "rule:contradiction": 1}


@pytest.mark.parametrize(
    ("patient", "found"),
    [
        ({"birthDate": "1990-01-15", "gender": "male"}, ()),
        ({"birthDate": "1990", "gender": "unknown"}, ()),
        ({"birthDate": "1990-01-16", "gender": "male"}, ("record-birth-date",)),
        ({"birthDate": "1990-01-15", "gender": "female"}, ("record-sex",)),
    ],
)
def test_a_patient_is_held_to_the_id_number(patient, found):
    identifier = [{"system": ID_NUMBER, "value": "350600199001151016"}]
    record = {"contained": [{"identifier": identifier, **patient}]}
    assert contradicted(record, NOW.tzinfo) == found


@pytest.mark.parametrize(
    ("end", "found"),
    [
        ("2024-05-08T08:59:59+08:00", ("record-end",)),
        ("2024-05-08T09:00:00+08:00", ()),
        ("2024-05-08", ()),
        ("2024-05-07", ("record-end",)),
        ("2024-05-08T00:30:00Z", ("record-end",)),
    ],
)
def test_a_visit_does_not_end_before_it_begins(end, found):
    assert contradicted({**RECORD, "end": end}, NOW.tzinfo) == found


def test_a_day_without_a_time_begins_where_the_server_is():
    assert of("new", {"end": "2024-05-09"})["timed"] == 1
    assert "delay:1d" not in of("new", {"end": "2024-05-09"})
    assert of("new", {"end": "2024-05-10"})["delay:1d"] == 1
    early = counted(Outcome("new", {"end": "2024-05-10"}), PATHS, NOW.replace(hour=1, day=11))
    assert "delay:1d" not in early


def test_what_is_out_of_order_contradicts_itself():
    assert of("refused", {}, "order")["contradicted"] == 1


def test_a_report_has_a_group_for_each_number_and_element():
    sum = {"submitted": 4, "taken": 3, "told": 2, "element:diagnosis.code": 1, "rule:length": 1}
    told = {"reporter": {"reference": "Organization/a"}, "marks": {}, "submission": "job-1"}
    tally = Tally("x", told, "2024-05-09", "2024-05-10", sum, 4)
    made = report(tally, [Measured("diagnosis.code", "诊断代码", "urn:model")])
    groups = {(one["code"]["coding"][0]["code"], one["code"].get("text")): one
              for one in made["group"]}  # fmt: skip
    assert made["identifier"][0]["value"] == "job-1"
    assert made["period"] == {"start": "2024-05-09", "end": "2024-05-10"}
    assert groups["validity", None]["measureScore"] == {"value": 0.75}
    assert groups["rule", "length"]["measureScore"] == {"value": 0.25}
    assert groups["completeness", "诊断代码"]["measureScore"] == {"value": 0.5}
    assert [one["count"] for one in groups["timeliness-1d", None]["population"]] == [0, 0]
    assert "measureScore" not in groups["timeliness-1d", None]
