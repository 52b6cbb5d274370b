"""Which resource an item of a record is: told by what it is, wherever it stands.

Spec: docs/encounter-records.md
"""

import pytest

from tests.unit.mappings.visit_records import OUTPATIENT, of
from tests.visits import diagnosis, record, result


def ids(projected):
    return {(role, resource["id"]) for role, resource in projected}


def test_a_diagnosis_keeps_its_id_wherever_it_stands(project):
    one, other = OUTPATIENT["diagnosis"]
    before = of(project(record(diagnosis=[one, other])), "diagnosis")
    after = of(project(record(diagnosis=[other, one])), "diagnosis")
    alone = of(project(record(diagnosis=[other])), "diagnosis")
    assert [each["id"] for each in before] == [each["id"] for each in reversed(after)]
    assert alone[0]["id"] == before[1]["id"]


def test_an_item_with_an_id_of_its_own_may_become_another(project):
    said = diagnosis("高血压", "I10.x00x002") | {"id": "d1"}
    changed = diagnosis("继发性高血压", "I15.900") | {"id": "d1"}
    before, after = (of(project(record(diagnosis=[one])), "diagnosis") for one in (said, changed))
    assert before[0]["id"] == after[0]["id"]


def test_equal_items_are_several_resources(project):
    twice = of(project(record(result=[result(5), result(6)])), "result")
    assert len({one["id"] for one in twice}) == 2


ALIKE = [
    ("result", [{**result(5.6), "at": "2026-03-01T08:00:00+08:00"},
                {**result(11.1), "at": "2026-03-01T12:00:00+08:00"}]),
    ("result", [{**result(5.6), "report": "R1"}, {**result(11.1), "report": "R2"}]),
    ("prescription", [{"medicine": "阿莫西林", "number": one} for one in "12"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "items"), ALIKE)
def test_one_of_several_alike_stays_what_it_is_without_the_others(project, name, items):
    first, second = of(project(record(**{name: items})), name)
    assert [one["id"] for one in of(project(record(**{name: items[::-1]})), name)] == [
        second["id"], first["id"]
    ]  # fmt: skip
    (alone,) = of(project(record(**{name: items[1:]})), name)
    assert alone == second


def test_no_name_can_pass_for_the_second_of_another(project):
    names = ["头晕", "头晕#2", "头晕", "头晕", "头晕#2"]
    made = of(project(record(diagnosis=[diagnosis(one) for one in names])), "diagnosis")
    assert len({one["id"] for one in made}) == len(names)
