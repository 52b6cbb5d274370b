"""`tongkang import CDA`: documents of WS/T 500 from the disk, by the way of those that are posted.

Spec: docs/cda.md
"""

import csv
from pathlib import Path

from tests.builders import fresh

GOLDEN = Path(__file__).parents[1] / "unit" / "mappings" / "cda_golden"


def document(code, number, old="", new=""):
    text = (GOLDEN / f"{code}.xml").read_text("utf-8").replace(old, new)
    for sample in ("M001", "MZ0001"):
        text = text.replace(f'extension="{sample}"', f'extension="{number}"')
    return text.encode()


def test_documents_in_a_folder_become_records_and_rejects_are_named_by_file(
    imported, file, caller, tmp_path
):
    number = fresh()[:12]
    file(document("C0004", number), "in/a/C0004.xml")
    file(document("C0007", number), "in/C0007.XML")
    file(document("C0002", fresh()[:12], "20240301100041", "20230230100041"), "in/b/wrong.xml")
    file(b"<a>", "in/b/broken.xml")
    file(b"x", "in/b/notes.txt")
    status, said = imported("CDA", tmp_path / "in")
    assert status == 1, said
    assert "4 rows read: 2 written, 0 unchanged, 2 rejected" in said
    with (tmp_path / "in.rejects.csv").open(encoding="utf-8-sig", newline="") as table:
        broken, wrong = csv.DictReader(table)
    assert (broken["file"], broken["_rule"]) == ("b/broken.xml", "xml-malformed")
    assert (wrong["file"], wrong["_de"]) == ("b/wrong.xml", "DE06.00.062.00")
    (entry,) = caller.send("GET", f"EncounterRecord?identifier={number}").json()["entry"]
    assert len(entry["resource"]["prescription"]) == 2
    assert len(entry["resource"]["result"]) == 3
    status, said = imported("CDA", tmp_path / "in")
    assert "0 written, 2 unchanged, 2 rejected" in said


def test_one_document_is_a_file(imported, file, caller):
    number = fresh()[:12]
    status, said = imported("CDA", file(document("C0002", number), "one.xml"))
    assert status == 0, said
    assert caller.send("GET", f"EncounterRecord?identifier={number}").json()["total"] == 1


def test_a_discharge_summary_that_was_corrected_says_so(caller):
    number = fresh()[:12]
    told = {"Content-Type": "application/hl7-v3+xml"}
    first = document("C0053", number)
    stored = caller.send("POST", "EncounterRecord", first, **told).json()
    course = stored["hospitalCourse"]
    corrected = first.replace(course.encode(), "更正后的诊疗过程".encode())
    again = caller.send("POST", "EncounterRecord", corrected, **told).json()
    assert again["id"] == stored["id"]
    assert again["hospitalCourse"] == "更正后的诊疗过程"


def test_a_folder_of_rows_or_of_nothing_is_refused(imported, tmp_path):
    (tmp_path / "in").mkdir()
    for name, said in (("InpatientFrontPage", "documents only"), ("CDA", "no .xml file")):
        status, told = imported(name, tmp_path / "in")
        assert status == 1
        assert said in told
        assert "Traceback" not in told
