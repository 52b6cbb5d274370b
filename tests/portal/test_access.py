"""Residents see who looked at their record (R1.18), and complain about it."""

import pytest

from server.portal import complaints
from tests.portal import world

EVENT = "/me/access/portal-event-1/complaint"


def test_each_look_is_told_with_who_for_whom_when_what_and_why(resident):
    page = resident.get("/me/access?month=2025-06")
    for word in ("钱护士", "第一医院", "2025-06-10 09:00", "Results (2)", "Treatment"):
        assert word in page.text
    assert "Conditions and diagnoses" in page.text
    page = resident.get("/me/access?month=2025-06", "zh")
    for word in ("查询", "检查检验结果 2 项", "目的：诊疗"):
        assert word in page.text


def test_only_looks_at_ones_own_record_are_told(resident):
    page = resident.get("/me/access?month=2025-07", "zh")
    assert "李不相干" not in page.html
    assert world.OTHER not in page.html


def test_of_a_look_at_many_records_nothing_is_counted(resident):
    text = resident.get("/me/access?month=2025-07").text
    assert "周统计" in text
    assert "Results (2)" in text.partition("周统计")[2]
    assert "(" not in text.partition("周统计")[2].partition("Purpose")[0].replace("0.1.0", "")


def test_an_emergency_stands_out(resident):
    page = resident.get("/me/access?month=2025-07")
    assert "孙医生" in page.text
    assert "Emergency treatment" in page.text


def test_an_app_is_told_by_name_but_ones_own_looks_here_only_if_asked_for(resident):
    page = resident.get("/me/access?month=2025-07", "zh")
    assert "通过 血压管家" in page.text
    assert "2025-07-12" not in page.text
    assert "2025-07-12" in resident.get("/me/access?month=2025-07&own=yes", "zh").text


@pytest.mark.parametrize("month", ["2025-13", "never", "2025-7", "2025-07-01", "'"])
def test_a_month_that_is_none_is_left_out(resident, month):
    page = resident.get(f"/me/access?month={month}")
    assert page.status == 200
    assert "钱护士" in page.text


def test_the_month_of_december_ends_with_the_year(resident):
    assert "Nobody has looked." in resident.get("/me/access?month=2024-12").text


def test_a_complaint_is_filed_seen_by_the_officer_and_answered(
    signed_in, resident, officer, services
):
    reason = f"我不认识这个人 {world.PROBE}"
    assert resident.post(EVENT, {"reason": reason}).status == 303
    listed = resident.get("/me/access?month=2025-06")
    assert "Not answered yet." in listed.text
    assert EVENT not in "".join(listed.links("complaint"))
    review = officer.get("/review")
    assert reason in review.text
    assert "欧阳甲子" in review.text
    assert review.all("script") == review.all("img") == []
    (id,) = [one["id"] for one in complaints.unanswered(services)]
    refused = officer.post(f"/review/complaints/{id}", {"answer": ""})
    assert refused.status == 422
    assert "Please fill this in." in refused.text
    assert officer.post(f"/review/complaints/{id}", {"answer": "已核实，系误操作。"}).status == 303
    assert "已核实，系误操作。" in resident.get("/me/access?month=2025-06").text
    assert officer.post(f"/review/complaints/{id}", {"answer": "再答一次"}).status == 409
    assert resident.post(EVENT, {"reason": "再投诉一次"}).status == 422


def test_a_complaint_says_why(resident, services):
    path = EVENT.replace("event-1", "event-2")
    page = resident.post(path, {"reason": "   "})
    assert page.status == 422
    assert page.fault_at("reason") == "Please fill this in."
    assert resident.post(path, {"reason": "x" * 1001}).fault_at("reason")
    found = complaints.of_patient(services, f"Patient/{world.OWN}")
    assert "portal-event-2" not in found


@pytest.mark.parametrize("id", ["portal-event-3", "nothing", "Patient", "..%2f..%2fme"])
def test_nobody_complains_about_what_does_not_concern_them(resident, id):
    assert resident.get(f"/me/access/{id}/complaint").status == 404
    assert resident.post(f"/me/access/{id}/complaint", {"reason": "为什么"}).status == 404


def test_a_complaint_that_is_not_there_is_not_answered(officer):
    assert officer.post("/review/complaints/none", {"answer": "答复"}).status == 404
