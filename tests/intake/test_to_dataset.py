"""$to-dataset: what came as a row goes back as that row."""

import csv
import io

import pytest

from tests.intake import files
from tests.intake.test_import_operation import CSV, PAGES, code, sent
from tests.jobs.asking import Caller


def row(answer):
    assert answer.status_code == 200, answer.text
    parts = [
        {part["name"]: part["valueString"] for part in one["part"]}
        for one in answer.json()["parameter"]
        if one["name"] == "element"
    ]
    return {one["name"]: one["value"] for one in parts}


def about(caller, type, search):
    (entry,) = caller.send("GET", f"{type}?{search}").json()["entry"]
    return f"{type}/{entry['resource']['id']}"


@pytest.fixture(scope="module")
def known(hospital):
    """What a resident with the number 70 has come to by three doors."""
    caller = Caller(hospital.base)
    sent(caller, "$import?dataset=PersonalInformation", files.csv_of([files.person(70)]), **CSV)
    sent(caller, "$import?dataset=HealthCheck", files.csv_of([files.check_up(70)]), **CSV)
    sent(caller, PAGES, files.csv_of([files.front_page(70)]), **CSV)
    return f"identifier={files.number(70)[0]}"


def test_a_resident_goes_back_as_the_row_they_came_as(caller, known):
    answer = caller.send("GET", f"{about(caller, 'Patient', known)}/$to-dataset")
    assert answer.json()["parameter"][0] == {
        "name": "dataset",
        "valueString": "PersonalInformation",
    }
    assert row(answer) == files.person(70)


def test_a_check_up_goes_back_as_its_row_with_its_digits(caller, known):
    patient = about(caller, "Patient", known)
    encounter = about(caller, "Encounter", f"patient={patient}&date=2024-05-06")
    found = row(caller.send("GET", f"{encounter}/$to-dataset"))
    assert {name: found[name] for name in files.check_up(70)} == files.check_up(70)
    # What the row did not have was told by another; what was worked out does not come back.
    assert found.keys() - files.check_up(70).keys() == {"健康档案编号"}


MORE = {
    "药物名称": "硝苯地平|二甲双胍",
    "药物用法用量": "每日一次，每次 10mg|每日两次，每次 0.5g",
    "服药依从性代码": "1|2",
    "疫苗名称代码": "15",
    "接种日期": "20240102",
    "接种机构名称": "示例卫生院",
}


def test_what_stands_in_no_compartment_of_the_check_up_goes_back_too(caller):
    told = files.check_up(71) | MORE
    assert sent(caller, "$import?dataset=HealthCheck", files.csv_of([told]), **CSV)["taken"] == 1
    patient = about(caller, "Patient", f"identifier={files.number(71)[0]}")
    encounter = about(caller, "Encounter", f"patient={patient}")
    assert row(caller.send("GET", f"{encounter}/$to-dataset")) == told


def test_a_record_goes_back_as_its_row_also_from_the_visit(caller, known):
    record = about(caller, "EncounterRecord", "record-number=00000070")
    assert row(caller.send("GET", f"{record}/$to-dataset")) == files.front_page(70)
    patient = about(caller, "Patient", known)
    encounter = about(caller, "Encounter", f"patient={patient}&date=ge2024-05-07")
    assert row(caller.send("GET", f"{encounter}/$to-dataset")) == files.front_page(70)


def test_a_row_comes_as_csv_that_can_be_imported(caller, known):
    record = about(caller, "EncounterRecord", "record-number=00000070")
    answer = caller.send("GET", f"{record}/$to-dataset?dataset=住院病案首页", Accept="text/csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    (found,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert found == files.front_page(70)
    assert sent(caller, PAGES, answer.content, **CSV)["unchanged"] == 1


def test_what_cannot_come_back_is_listed(caller, known):
    answer = caller.send("GET", f"{about(caller, 'Patient', known)}/$to-dataset")
    reasons = [one for one in answer.json()["parameter"] if one["name"] == "without-inverse"]
    assert all({part["name"] for part in one["part"]} == {"name", "reason"} for one in reasons)


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("?dataset=HealthCheck", (422, "dataset-of-other-type")),
        ("?dataset=Nothing", (404, "dataset-unknown")),
    ],
)
def test_a_data_set_that_does_not_fit_is_refused(caller, known, query, refusal):
    answer = caller.send("GET", f"{about(caller, 'Patient', known)}/$to-dataset{query}")
    assert (answer.status_code, code(answer)) == refusal
