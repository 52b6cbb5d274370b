"""POST $import: a file is sent, and becomes FHIR while nobody waits for it."""

import csv
import io
import json

import pytest

from tests.intake import files

CSV = {"Content-Type": "text/csv"}
PAGES = "EncounterRecord/$import?dataset=InpatientFrontPage"


def sent(caller, path, content, **headers):
    answer = caller.send("POST", path, content, **headers)
    assert answer.status_code == 202, answer.text
    done = caller.wait(answer.headers["Content-Location"], 120)
    assert done.status_code == 200, done.text
    return {one["name"]: next(iter([v for k, v in one.items() if k.startswith("value")]), None)
            for one in done.json()["parameter"]}  # fmt: skip


def code(answer):
    return answer.json()["issue"][0]["details"]["coding"][0]["code"]


def test_rows_of_a_data_set_become_records_and_what_they_come_to(caller, count):
    before = count("Encounter")
    told = sent(caller, PAGES, files.csv_of([files.front_page(n) for n in range(5)]), **CSV)
    assert (told["dataset"], told["rows"], told["taken"]) == ("InpatientFrontPage", 5, 5)
    assert told["rejected"] == told["unchanged"] == 0
    assert count("Encounter") == before + 5


def test_the_same_file_again_changes_nothing_and_says_so(caller, count):
    content = files.csv_of([files.front_page(n) for n in range(10, 14)])
    first = sent(caller, PAGES, content, **CSV)
    before = {type: count(type) for type in ("EncounterRecord", "Condition", "Patient")}
    again = sent(caller, PAGES, content, **CSV)
    assert first["resources"] > 0
    assert (again["taken"], again["unchanged"], again["resources"]) == (4, 4, 0)
    assert {type: count(type) for type in before} == before


def test_what_is_wrong_is_named_and_can_be_put_right_and_sent_again(caller):
    rows = [files.front_page(n) for n in range(20, 23)]
    rows[1]["入院日期时间"] = "20230230T090000"
    content = files.csv_of(rows, "gb18030")
    told = sent(caller, PAGES, content, **{"Content-Type": "text/csv; charset=GB18030"})
    assert (told["taken"], told["rejected"]) == (2, 1)
    rejects = caller.send("GET", told["rejects"], Accept="text/csv")
    assert rejects.headers["Content-Type"] == "text/csv; charset=utf-8"
    (reject,) = csv.DictReader(io.StringIO(rejects.content.decode("utf-8-sig")))
    assert reject["_row"] == "3"
    assert reject["_element"] == "入院日期时间"
    assert reject["_de"] == "DE06.00.092.00"
    assert reject["_value"] == "20230230T090000"
    assert {name: reject[name] for name in rows[1]} == rows[1]
    right = rejects.content.decode().replace("20230230T090000", "20230228T090000")
    assert sent(caller, PAGES, right.encode(), **CSV)["taken"] == 1


def test_records_come_as_ndjson(caller):
    rows = [files.front_page(n) for n in range(30, 32)]
    sent(caller, PAGES, files.csv_of(rows), **CSV)
    found = caller.send("GET", "EncounterRecord?record-number=00000030").json()
    record = {k: v for k, v in found["entry"][0]["resource"].items() if k not in ("id", "meta")}
    record |= {"visitNumber": "N-1", "ward": "3"}
    lines = [json.dumps(record), '{"resourceType":"Patient"}', "nonsense"]
    told = sent(
        caller,
        "EncounterRecord/$import",
        "\n".join(lines).encode(),
        **{"Content-Type": "application/fhir+ndjson"},
    )
    assert (told["dataset"], told["taken"], told["rejected"]) == ("EncounterRecord", 1, 2)
    rejects = caller.send("GET", told["rejects"]).text.splitlines()
    assert json.loads(rejects[0])["_rule"] == "type-differs"
    assert "URL" not in json.loads(rejects[0])["_message"]
    assert json.loads(rejects[1])["_text"] == "nonsense"


def test_rows_about_persons_find_who_is_there(caller, count):
    sent(caller, PAGES, files.csv_of([files.front_page(40)]), **CSV)
    before = count("Patient")
    people = files.csv_of([files.person(40)])
    assert sent(caller, "$import?dataset=个人基本信息", people, **CSV)["taken"] == 1
    checks = files.csv_of([files.check_up(40)])
    assert sent(caller, "$import?dataset=HealthCheck", checks, **CSV)["taken"] == 1
    assert count("Patient") == before
    number, _ = files.number(40)
    found = caller.send("GET", f"Patient?identifier={number}").json()["entry"][0]["resource"]
    assert found["telecom"][0]["value"] == files.person(40)["本人电话号码"]
    assert caller.send("GET", f"Observation?patient={found['id']}").json()["total"] > 3


def test_a_row_that_contradicts_the_resident_is_not_taken(caller):
    sent(caller, "$import?dataset=HealthCheck", files.csv_of([files.check_up(50)]), **CSV)
    other = files.check_up(50) | {"姓名": "另一人"}
    told = sent(caller, "$import?dataset=HealthCheck", files.csv_of([other]), **CSV)
    assert (told["taken"], told["rejected"]) == (0, 1)
    assert "person-contradicted" in caller.send("GET", told["rejects"]).text


def test_a_part_of_a_visit_leaves_the_rest_as_it_is(caller):
    visit = {
        "组织机构代码": files.INSTITUTION,
        "门（急）诊号": "V1",
        "患者类型代码": "1",
        "姓名": "测试甲",
    }
    prescription = visit | {
        "处方编号": "1",
        "处方开立日期": "20240501",
        "药物名称": "阿莫西林",
    }
    path = "EncounterRecord/$import?dataset=Prescription"
    for number, medicine in (("1", "阿莫西林"), ("2", "布洛芬"), ("1", "阿莫西林胶囊")):
        row = prescription | {"处方编号": number, "药物名称": medicine}
        told = sent(caller, path, files.csv_of([row]), **CSV)
        assert told["rejected"] == 0, caller.send("GET", told["rejects"]).text
    outpatient = visit | {"就诊日期时间": "20240501T090000"}
    told = sent(
        caller,
        "EncounterRecord/$import?dataset=OutpatientRecord",
        files.csv_of([outpatient]),
        **CSV,
    )
    assert told["rejected"] == 0, caller.send("GET", told["rejects"]).text
    (entry,) = caller.send("GET", "EncounterRecord?identifier=V1").json()["entry"]
    medicines = [one["medicine"] for one in entry["resource"]["prescription"]]
    assert medicines == ["阿莫西林胶囊", "布洛芬"]


@pytest.mark.parametrize(
    ("path", "type", "content", "refusal"),
    [
        ("$import?dataset=Nothing", "text/csv", b"a\n1\n", (404, "dataset-unknown")),
        ("$import", "text/csv", b"a\n1\n", (400, "intake-dataset-missing")),
        (PAGES, "text/csv", b"", (422, "intake-empty")),
        (PAGES, "text/csv", "姓名,鞋码\n".encode(), (422, "dataset-header-unknown")),
        (PAGES, "text/plain", b"a", (415, "intake-type-unknown")),
        (PAGES, "", b"a,b\n", (415, "intake-type-missing")),
        (PAGES, "text/csv", b"\x1f\x8b\x08", (422, "intake-packed")),
        (PAGES, "text/csv; charset=big5", b"a", (415, "intake-charset-unknown")),
        (PAGES, "application/fhir+json", b'{"resourceType":"Binary"}', (400, "intake-not-a-file")),
        ("Patient/$validate", "text/csv", b"a", (415, "content-type-unknown")),
    ],
)
def test_what_cannot_be_imported_is_refused_at_once(caller, path, type, content, refusal):
    answer = caller.send("POST", path, content, **{"Content-Type": type})
    assert (answer.status_code, code(answer)) == refusal


def test_a_file_of_headers_alone_has_no_rows(caller):
    told = sent(caller, PAGES, files.csv_of([files.front_page(1)]).splitlines()[0], **CSV)
    assert (told["rows"], told["taken"], told["rejected"]) == (0, 0, 0)


def test_an_import_can_be_given_up(caller):
    content = files.csv_of([files.front_page(n) for n in range(1000, 1600)])
    url = caller.send("POST", PAGES, content, **CSV).headers["Content-Location"]
    assert caller.send("DELETE", url).status_code == 202
    assert caller.status(url).status_code == 404
    assert caller.send("GET", f"{url}/rejects").status_code == 404
