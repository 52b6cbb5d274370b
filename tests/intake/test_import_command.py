"""`tongkang import`: a file is read once, however often that is interrupted."""

import csv
import subprocess
import time

import pytest

from tests.intake import files


def test_a_file_is_imported_and_again_changes_nothing(imported, file, count):
    path = file(files.csv_of([files.person(n) for n in range(2000, 2010)], "gb18030"))
    status, said = imported("PersonalInformation", path)
    assert status == 0, said
    assert "10 rows read: 10 written, 0 unchanged, 0 rejected" in said
    before = {type: count(type) for type in ("Patient", "Condition", "Observation")}
    status, said = imported("个人基本信息", path)
    assert status == 0
    assert "0 written, 10 unchanged" in said
    assert "nothing has changed" in said
    assert {type: count(type) for type in before} == before
    assert not path.with_name("rows.csv.rejects.csv").exists()


def test_rejects_stand_beside_the_file_and_can_be_put_right(imported, file):
    rows = [files.person(n) for n in range(2100, 2104)]
    rows[0]["性别代码"] = "7"
    rows[2]["本人姓名"], rows[2]["身份证件号码"] = rows[2]["身份证件号码"], rows[2]["本人姓名"]
    path = file(files.csv_of(rows))
    status, said = imported("PersonalInformation", path)
    assert status == 1
    assert "2 written, 0 unchanged, 2 rejected" in said
    rejects = path.with_name("rows.csv.rejects.csv")
    with rejects.open(encoding="utf-8-sig", newline="") as table:
        wrong, swapped = csv.DictReader(table)
    assert (wrong["_row"], wrong["_element"], wrong["_rule"]) == ("2", "性别代码", "domain")
    assert (swapped["_row"], swapped["_rule"]) == ("4", "swapped")
    assert rejects.stat().st_mode & 0o077 == 0
    wrong["性别代码"] = "1"
    swapped |= {"本人姓名": swapped["身份证件号码"], "身份证件号码": swapped["本人姓名"]}
    status, said = imported("PersonalInformation", file(files.csv_of([wrong, swapped]), "b.csv"))
    assert status == 0, said
    assert "2 written" in said


def test_an_import_that_was_killed_goes_on_and_doubles_nothing(command, imported, file, count):
    rows = [files.check_up(n) for n in range(3000, 3600)]
    rows[0]["体检日期"] = "20230230"
    path = file(files.csv_of(rows))
    before = count("Encounter")
    process = command("HealthCheck", path).start()
    deadline = time.monotonic() + 120
    while count("Encounter") < before + 300:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    assert count("Encounter") < before + 599
    status, said = imported("HealthCheck", path)
    assert status == 1, said
    assert "going on behind" in said
    assert "600 rows read" in said
    assert count("Encounter") == before + 599
    rejects = path.with_name("rows.csv.rejects.csv").read_text("utf-8-sig").splitlines()
    assert len(rejects) == 2


@pytest.mark.parametrize(
    ("dataset", "content", "said"),
    [
        ("Nothing", b"a\n1\n", "There is no data set"),
        ("PersonalInformation", b"", "The file is empty"),
        ("PersonalInformation", "本人姓名,鞋码\n".encode(), "鞋码"),
    ],
)
def test_what_cannot_be_imported_is_said(imported, file, dataset, content, said):
    path = file(content)
    status, told = imported(dataset, path)
    assert status == 1
    assert said in told
    assert "Traceback" not in told
    assert [one.name for one in path.parent.iterdir()] == ["rows.csv"]


def test_rejects_that_find_no_room_are_said_and_the_import_can_go_on(command, imported, file):
    rows = [{**files.front_page(n), "离院方式代码": "Z"} for n in range(200, 500)]
    path = file(files.csv_of(rows))
    process = command("InpatientFrontPage", path)
    limited = ["sh", "-c", 'ulimit -f 40; exec "$@"', "sh", *process.command]
    done = subprocess.run(
        limited, env=process.environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert "cannot be read or written" in done.stderr
    assert "Traceback" not in done.stderr
    status, said = imported("InpatientFrontPage", path)
    assert status == 1
    assert "300 rows read: 0 written, 0 unchanged, 300 rejected" in said
    with path.with_name("rows.csv.rejects.csv").open(encoding="utf-8-sig", newline="") as table:
        assert [int(one["_row"]) for one in csv.DictReader(table)] == [*range(2, 302)]


def test_rejects_that_were_moved_while_an_import_was_interrupted_are_told_of(
    command, imported, file
):
    rows = [{**files.front_page(n), "离院方式代码": "Z"} for n in range(600, 1400)]
    path = file(files.csv_of(rows))
    rejects = path.with_name("rows.csv.rejects.csv")
    process = command("InpatientFrontPage", path).start()
    deadline = time.monotonic() + 120
    while not rejects.exists() or rejects.stat().st_size < 150_000:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    rejects.rename(path.with_name("moved.csv"))
    status, said = imported("InpatientFrontPage", path)
    assert status == 1, said
    assert "begun anew" in said
    with rejects.open(encoding="utf-8-sig", newline="") as table:
        numbers = [int(one["_row"]) for one in csv.DictReader(table)]
    assert numbers == [*range(numbers[0], 802)]
