"""What a row says is put over what is known, and takes away nothing that it cannot say."""

from server.intake import merging
from server.intake.keeping import Kept

CARD = {"system": "card", "value": "1"}
NUMBER = {"system": "id", "value": "2"}


def place(code, text):
    kind = {"url": "x/cn-address-type", "valueCoding": {"code": code}}
    return {"extension": [kind], "text": text}


def test_a_person_keeps_what_other_rows_have_told():
    old = {"id": "a", "identifier": [CARD], "gender": "male", "address": [place("01", "old")]}
    new = {"identifier": [NUMBER], "birthDate": "1990-01-01", "address": [place("09", "new")]}
    assert merging.over(old, new) == {
        "id": "a",
        "identifier": [CARD, NUMBER],
        "gender": "male",
        "address": [place("01", "old"), place("09", "new")],
        "birthDate": "1990-01-01",
    }


def test_what_is_told_anew_stands_where_the_old_stood():
    phone = {"system": "phone", "use": "mobile", "value": "1"}
    home = {"system": "phone", "use": "home", "value": "2"}
    newer = {**phone, "value": "3"}
    assert merging.over({"telecom": [phone, home]}, {"telecom": [newer]})["telecom"] == [
        newer,
        home,
    ]


def test_the_same_row_again_changes_nothing():
    row = {"name": [{"text": "测试甲"}], "identifier": [NUMBER, CARD], "address": [place("1", "a")]}
    once = merging.over({"identifier": [CARD]}, row)
    assert list(merging.over(once, row).items()) == list(once.items())


def test_a_whole_row_takes_away_only_what_it_could_have_told():
    old = {"id": "a", "ward": "1", "prescription": [{"number": "1"}], "bed": "2"}
    new = {"bed": "3"}
    assert Kept.of(old, {"ward": "1", "bed": "2"}, {"ward", "bed"}).over(old, new) == {
        "id": "a",
        "prescription": [{"number": "1"}],
        "bed": "3",
    }


def test_what_a_whole_row_could_not_say_of_an_item_stays_with_it():
    old = {"operation": [{"name": "a", "course": "good"}, {"name": "b"}, {"name": "c", "wound": 1}]}
    sayable = {"operation": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}
    new = {"operation": [{"name": "d"}, {"name": "a", "level": 2}]}
    kept = Kept.of(old, sayable, {"operation"})
    assert kept.is_told_by_others
    assert kept.over(old, new) == {
        "operation": [{"name": "a", "course": "good", "level": 2}, {"name": "c", "wound": 1},
                      {"name": "d"}]
    }  # fmt: skip


def test_a_person_keeps_what_a_whole_row_could_not_say():
    telephone = {"system": "phone", "use": "mobile", "value": "1"}
    home = {"system": "phone", "use": "home", "value": "2"}
    old = {"contained": [{"id": "p", "telecom": [telephone, home], "gender": "male"}]}
    sayable = {"contained": [{"id": "p", "telecom": [home], "gender": "male"}]}
    newer = {"contained": [{"id": "p", "gender": "female", "telecom": [{**home, "value": "3"}]}]}
    found = Kept.of(old, sayable, {"contained"}).over(old, newer)
    assert found["contained"] == [
        {"id": "p", "telecom": [telephone, {**home, "value": "3"}], "gender": "female"}
    ]


def test_what_only_whole_rows_have_told_is_told_by_nobody_else():
    old = {"id": "a", "resourceType": "EncounterRecord", "operation": [{"name": "a"}]}
    assert not Kept.of(old, {"operation": [{"name": "a"}]}, {"operation"}).is_told_by_others


def test_a_part_takes_the_place_of_the_one_with_its_number():
    old = {"start": "1", "prescription": [{"number": "1", "medicine": "a"}, {"number": "2"}]}
    new = {
        "start": "2",
        "prescription": [{"number": "1", "medicine": "b"}, {"number": "1", "medicine": "c"}],
        "chiefComplaint": "x",
    }
    assert merging.part(old, new, ()) == {
        "start": "1",
        "prescription": [
            {"number": "1", "medicine": "b"},
            {"number": "1", "medicine": "c"},
            {"number": "2"},
        ],
        "chiefComplaint": "x",
    }


def test_results_without_the_number_of_a_report_make_way_for_each_other_only():
    old = {"result": [{"report": "1", "item": "a"}, {"item": "b"}]}
    new = {"result": [{"item": "c"}]}
    assert merging.part(old, new, ())["result"] == [{"report": "1", "item": "a"}, {"item": "c"}]


def test_what_only_such_a_part_tells_is_told_anew():
    old = {"start": "1", "hospitalCourse": "a", "order": ["1"]}
    new = {"start": "2", "hospitalCourse": "b", "order": ["2"]}
    own = {"hospitalCourse", "order"}
    assert merging.part(old, new, own) == {"start": "1", "hospitalCourse": "b", "order": ["2"]}


def test_a_diagnosis_that_is_known_keeps_its_name():
    named = {"name": "急性支气管炎", "code": {"coding": [{"code": "J20.900"}]}}
    bare = {"name": "J20.900", "code": {"coding": [{"code": "J20.900"}]}}
    other = {"name": "高血压"}
    assert merging.part({"diagnosis": [bare]}, {"diagnosis": [named]}, ()) == {"diagnosis": [named]}
    found = merging.part({"diagnosis": [named]}, {"diagnosis": [bare, other]}, ())
    assert found["diagnosis"] == [named, other]
