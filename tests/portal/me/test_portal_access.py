"""Residents see who looked at their record (R1.18), and complain about it."""

import json
import re
from base64 import b64decode
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from server.portal import complaints
from tests.portal.me import world
from tests.processes import wait_until


@pytest.fixture(scope="module", autouse=True)
def looks(services, people):
    """Looks at the records of these tests, the newest in the trail and to be found there."""
    for event in world.events():
        services.trail.append(event)
    services.trail.confirm()


def requests(fhir, services, query):
    """Return the ids of the AuditEvents that match `query`, and what was asked, as it is told."""
    services.trail.confirm()
    found = fhir.bundle(f"AuditEvent?{query}&altid=portal&_sort=-date&_count=50")
    events = [entry["resource"] for entry in found.get("entry", ())]
    return {one["id"]: (asked(one), one) for one in events}


def asked(event):
    """Return the line of the request that `event` is of."""
    lines = [b64decode(one["query"]).decode() for one in event["entity"] if "query" in one]
    return next(iter(lines), "")


def told(page, who):
    """Return what is told of the look of `who`."""
    return page.text.partition(who)[2].partition("Complain about this")[0]


def form_about(resident, who):
    """Return the way to the complaint about the look of `who`."""
    page = resident.get("/me/access")
    return re.search(r'href="(/me/access/[^"?]+/complaint)', page.html.partition(who)[2])[1]


def test_each_look_is_told_with_who_for_whom_when_what_and_why(resident):
    page = resident.get("/me/access")
    for word in ("第一医院", "Searched", "Results (2)", "Conditions", "Purpose: Treatment"):
        assert word in told(page, "钱护士")
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d")
    assert today in page.text
    page = resident.get("/me/access", "zh")
    for word in ("查询", "检查检验结果 2 项", "目的：诊疗"):
        assert word in page.text


def test_only_looks_at_ones_own_record_are_told(resident):
    page = resident.get("/me/access?own=yes", "zh")
    assert "李不相干" not in page.html
    assert world.OTHER not in page.html


def test_of_a_look_at_many_records_nothing_is_counted(resident):
    assert "Results" in told(resident.get("/me/access"), "周统计")
    assert "Results (2)" not in told(resident.get("/me/access"), "周统计")


def test_an_emergency_stands_out(resident):
    assert "Emergency treatment" in told(resident.get("/me/access"), "孙医生")


def test_an_app_is_told_by_name_but_ones_own_looks_here_only_if_asked_for(resident):
    page = resident.get("/me/access", "zh")
    assert "通过 血压管家" in page.text
    assert "自己在此" not in page.text
    assert "自己在此" in resident.get("/me/access?own=yes", "zh").text


def test_what_a_resident_looks_at_here_is_recorded_before_the_page_goes_out(
    resident, fhir, services
):
    about = f"patient=Patient/{world.OWN}"
    before = requests(fhir, services, about)
    assert resident.get("/me/visits/portal-visit-1").status == 200
    wait_until(lambda: requests(fhir, services, about).keys() - before)
    new = [one for id, one in requests(fhir, services, about).items() if id not in before]
    (event,) = [one for line, one in new if line == "GET /me/visits/portal-visit-1"]
    names = {one["what"]["reference"] for one in event["entity"] if "what" in one}
    assert "Encounter/portal-visit-1/_history/1" in names
    assert "Condition/portal-hiv/_history/1" in names
    assert event["agent"][0]["who"]["reference"] == f"Patient/{world.OWN}"


def test_a_copy_is_recorded_to_the_last_resource(resident, fhir, services):
    about = "entity=Encounter/portal-visit-27"
    before = requests(fhir, services, about)
    assert resident.post("/me/copy", {"form": "ndjson"}).status == 200

    def is_told():
        found = requests(fhir, services, about)
        return "POST /me/copy" in [found[id][0] for id in found.keys() - before]

    wait_until(is_told)


@pytest.mark.parametrize("month", ["2025-13", "never", "2025-7", "2025-07-01", "'"])
def test_a_month_that_is_none_is_left_out(resident, month):
    page = resident.get(f"/me/access?month={month}")
    assert page.status == 200
    assert "钱护士" in page.text


def test_one_month_can_be_seen_alone(resident):
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    assert "钱护士" in resident.get(f"/me/access?month={now:%Y-%m}").text
    for month in ("2025-12", "2025-01"):
        assert "Nobody has looked." in resident.get(f"/me/access?month={month}").text


def test_a_complaint_is_filed_seen_by_the_officer_and_answered(
    resident, officer, far_officer, services, people
):
    path = form_about(resident, "钱护士")
    reason = f"我不认识这个人 {world.PROBE}"
    assert resident.post(path, {"reason": reason}).status == 303
    listed = resident.get("/me/access")
    assert "Not answered yet." in listed.text
    assert path not in "".join(listed.links("complaint"))
    review = officer.get("/review")
    assert reason in review.text
    assert "欧阳甲子" in review.text
    assert review.all("script") == review.all("img") == []
    (id,) = [
        one["id"]
        for one in complaints.unanswered(services, people.officer).records
        if one["reason"] == reason
    ]
    assert reason not in far_officer.get("/review").text
    answer = {"answer": "不归我管"}
    assert far_officer.post(f"/review/complaints/{id}", answer).status == 404
    refused = officer.post(f"/review/complaints/{id}", {"answer": ""})
    assert refused.status == 422
    assert "Please fill this in." in refused.text
    assert officer.post(f"/review/complaints/{id}", {"answer": "已核实，系误操作。"}).status == 303
    assert "已核实，系误操作。" in resident.get("/me/access").text
    assert officer.post(f"/review/complaints/{id}", {"answer": "再答一次"}).status == 409
    assert resident.post(path, {"reason": "再投诉一次"}).status == 422


def test_a_complaint_says_why(resident, services):
    path = form_about(resident, "孙医生")
    page = resident.post(path, {"reason": "   "})
    assert page.status == 422
    assert page.fault_at("reason") == "Please fill this in."
    assert resident.post(path, {"reason": "x" * 1001}).fault_at("reason")
    found = complaints.of_patient(services, f"Patient/{world.OWN}")
    assert path.split("/")[3] not in found


@pytest.mark.parametrize("id", ["another's", "nothing", "Patient", "..%2f..%2fme"])
def test_nobody_complains_about_what_does_not_concern_them(resident, fhir, id):
    if id == "another's":
        found = fhir.bundle(f"AuditEvent?patient=Patient/{world.OTHER}&_sort=-date&_count=200")
        id = next(
            one["resource"]["id"]
            for one in found["entry"]
            if "李不相干" in json.dumps(one["resource"], ensure_ascii=False)
        )
    assert resident.get(f"/me/access/{id}/complaint").status == 404
    assert resident.post(f"/me/access/{id}/complaint", {"reason": "为什么"}).status == 404


def test_a_complaint_that_is_not_there_is_not_answered(officer):
    assert officer.post("/review/complaints/none", {"answer": "答复"}).status == 404
