"""What an import brings is counted by submission and by institution, each row once.

Spec: docs/quality.md
"""

import re

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
