"""What an import brings is counted by submission and by institution, each row once.

Spec: docs/quality.md
"""

import re

from tests import processes
from tests.intake import files
from tests.intake.test_import_operation import CSV, PAGES

SUBMISSION = "https://tongkang.example/fhir/sid/submission"


def rows(first):
    """Return three rows of one hospital: a right one, the same again, and a wrong one."""
    right = files.front_page(first)
    return [right, right, {**files.front_page(first + 1), "离院方式代码": "Z"}]


def test_a_job_is_a_submission(caller, reports):
    answer = caller.send("POST", PAGES, files.csv_of(rows(100)), **CSV)
    job = answer.headers["Content-Location"]
    assert caller.wait(job, 120).status_code == 200
    (found,) = reports(f"identifier={SUBMISSION}|{job.rpartition('/')[2]}")
    assert found["validity"] == (2, 3)
    assert found["duplicates"] == (1, 3)
    assert found["domain"] == (1, 3)
    assert found["timeliness-30d"] == (0, 1)


def test_a_file_is_a_submission_however_often_it_is_imported(imported, file, reports):
    path = file(files.csv_of(rows(110)))
    status, said = imported("InpatientFrontPage", path)
    assert status == 1, said
    named = re.search(rf"identifier=({SUBMISSION}\|\w+)", said)[1]
    (found,) = reports(f"identifier={named}")
    assert found["validity"] == (2, 3)
    before = reports("reporter:missing=false&period=ge2026-01-01")
    assert imported("InpatientFrontPage", path)[0] == 1
    assert reports(f"identifier={named}") == [found]
    assert reports("reporter:missing=false&period=ge2026-01-01") == before


def test_records_as_ndjson_are_counted_too(caller, reports):
    lines = b'{"resourceType":"EncounterRecord","visitNumber":7,"institution":5}\nnonsense\n'
    type = {"Content-Type": "application/fhir+ndjson"}
    answer = caller.send("POST", "EncounterRecord/$import", lines, **type)
    job = answer.headers["Content-Location"]
    assert caller.wait(job, 120).status_code == 200
    (found,) = reports(f"identifier={SUBMISSION}|{job.rpartition('/')[2]}")
    assert found["validity"] == (0, 2)


def test_rows_about_persons_are_no_records_of_visits(imported, file):
    _, said = imported("HealthCard", file("姓名\n测试甲\n".encode()))
    assert "MeasureReport" not in said


def test_a_job_whose_process_was_killed_doubles_nothing_and_counts_each_row_once(
    hospital, caller, count, reports
):
    rows = [files.front_page(n) for n in range(5000, 5600)]
    rows[7] = {**rows[7], "离院方式代码": "Z"}
    before = count("EncounterRecord")
    job = caller.send("POST", PAGES, files.csv_of(rows), **CSV).headers["Content-Location"]
    processes.wait_until(lambda: count("EncounterRecord") >= before + 250, 120)
    hospital.doer.kill()
    assert count("EncounterRecord") < before + 599
    hospital.doer.start()
    assert caller.wait(job, 240).status_code == 200
    assert count("EncounterRecord") == before + 599
    assert len(caller.send("GET", f"{job}/rejects").text.splitlines()) == 2
    (found,) = reports(f"identifier={SUBMISSION}|{job.rpartition('/')[2]}")
    assert found["validity"] == (599, 600)
    again, _ = found["duplicates"]
    assert again <= 100
    assert found["主诉"][1] == 599 - again
