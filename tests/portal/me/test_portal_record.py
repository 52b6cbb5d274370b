"""Residents read their own record (R1.15), sensitive data included, and their children's."""

import re

import pytest

from server.identity import shelves
from tests.portal.me import world


def test_the_overview_has_a_bit_of_everything(resident):
    page = resident.get("/me", "zh")
    for word in ("欧阳甲子", "1949-12-31", "健康体检", "第一医院", "6.4 mmol/L", "氨氯地平片"):
        assert word in page.text


def test_a_visit_is_told_with_its_diagnosis_institution_and_department(resident):
    page = resident.get("/me/visits/portal-visit-1", "zh")
    for word in ("感染科", "第一医院", "陈医生", "人类免疫缺陷病毒病", "151/92 mmHg", "氨氯地平片"):
        assert word in page.text


def test_sensitive_data_is_shown_to_the_person_and_called_so(resident):
    assert "HIV and AIDS" in resident.get("/me/conditions").text
    assert "艾滋病" in resident.get("/me/visits/portal-visit-1", "zh").text


def test_the_timeline_goes_on_from_page_to_page_without_repeating(resident):
    seen, path = [], "/me/visits"
    while path:
        page = resident.get(path)
        seen += re.findall(r"/me/visits/(portal-visit-[0-9]+)\"", page.html)
        path = next((one["href"] for one in page.all("a", rel="next")), None)
    assert len(seen) == len(set(seen)) == 27
    assert seen[0] == "portal-visit-3"


def test_check_ups_can_be_seen_alone(resident):
    page = resident.get("/me/visits?kind=check-ups")
    assert page.links("/me/visits/") == ["/me/visits/portal-visit-3"]


def test_a_trend_is_drawn_and_stands_in_a_table_too(resident):
    page = resident.get("/me/results?code=http://loinc.org|14771-0")
    assert len(page.all("svg")) == 1
    assert len(page.all("circle")) == 2
    assert page.all("rect")[0]["class"] == "usual"
    assert "2 results from 2025-03-01" in page.text
    assert len(page.all("tr")) == 3
    assert "3.9–6.1" in page.text
    assert "High" in page.text


def test_blood_pressure_is_one_picture_with_two_lines(resident):
    page = resident.get("/me/results?code=http://loinc.org|85354-9", "zh")
    assert len(page.all("polyline")) == 2
    assert "139/85 mmHg" in page.text


def test_a_code_that_nobody_measured_is_not_there(resident):
    assert resident.get("/me/results?code=http://loinc.org|0-0").status == 404
    assert resident.get("/me/results?code=a,b|\\c$d").status == 404


def test_a_parent_reads_the_record_of_a_child(resident):
    page = resident.get(f"/me/immunizations?person={world.CHILD}", "zh")
    assert "麻腮风疫苗" in page.text
    assert "麻腮风疫苗" not in resident.get("/me/immunizations", "zh").text


def test_a_child_of_fourteen_is_the_guardians_no_more(resident, services):
    bonds = services.store.shelf(shelves.BONDS)
    bonds.put("bond", {**world.BOND, "born": "2000-05-01"})
    try:
        assert resident.get(f"/me?person={world.CHILD}").status == 404
    finally:
        bonds.put("bond", world.BOND)


def test_a_visit_of_somebody_else_is_as_absent_as_one_that_is_not(resident):
    others, none = (resident.get(f"/me/visits/{id}") for id in ("portal-other-visit", "none"))
    assert others.status == none.status == 404
    assert others.html.replace("portal-other-visit", "none") == none.html


def test_what_others_wrote_is_shown_as_text_and_never_runs(resident):
    for path in ("/me", "/me/visits", "/me/visits/portal-visit-2", "/me/allergies"):
        page = resident.get(path)
        assert world.PROBE in page.text.replace("\xa0", " ")
        assert page.all("script") == page.all("img") == []
        assert "&49" not in page.text
        assert "probe-narrative" not in page.html


def test_a_cursor_of_another_question_is_refused(resident):
    (link,) = resident.get("/me/visits").all("a", rel="next")
    cursor = link["href"].partition("cursor=")[2]
    assert resident.get(f"/me/allergies?cursor={cursor}").status == 400
    assert resident.get("/me/visits?cursor=made-up").status == 400


@pytest.fixture
def uncoded(fhir):
    """A result that has a name, but no code, and one whose name begins like it."""
    for number, text in enumerate(("尿常规，目测", "尿常规，目测（复查）")):
        result = world.glucose(f"uncoded-{number}", f"2025-05-0{number + 1}", 5 + number)
        fhir.update({**result, "code": {"text": text}})
    yield "尿常规，目测"
    for number in range(2):
        fhir.delete(f"Observation/portal-glucose-uncoded-{number}")


def test_a_result_without_a_code_has_a_page_as_well(resident, uncoded):
    page = resident.get("/me/results")
    links = [link for link in page.links("/me/results?") if "text=" in link]
    assert len(links) == 2
    for link in links:
        there = resident.get(link)
        assert there.status == 200
        assert len(there.all("h1")) == 1
        assert uncoded in there.text
    assert resident.get("/me/results?text=nothing").status == 404


def test_a_child_whose_record_was_deleted_is_named_no_more(resident, services, fhir):
    gone = world.patient("portal-gone", "欧阳小二", "2021-05-01")
    fhir.update(gone)
    bond = {**world.BOND, "patient": "Patient/portal-gone"}
    services.store.shelf(shelves.BONDS).put("gone", bond)
    try:
        assert "欧阳小二" in resident.get("/me").text
        fhir.delete("Patient/portal-gone")
        for path in ("/me", "/me/apps", "/me/copy", "/me/readings"):
            page = resident.get(path)
            assert page.status == 200
            assert "portal-gone" not in page.html
    finally:
        services.store.shelf(shelves.BONDS).take("gone")


def test_results_of_a_visit_go_on_from_page_to_page(resident, fhir):
    here = {"encounter": {"reference": "Encounter/portal-visit-5"}}
    for number in range(201):
        fhir.update({**world.glucose(f"many-{number}", "2024-01-05", number), **here})
    try:
        first = resident.get("/me/visits/portal-visit-5")
        (link,) = first.all("a", rel="next")
        second = resident.get(link["href"])
        told = [page.html.count('<td class="number" data-label') for page in (first, second)]
        assert [one // 2 for one in told] == [200, 1]
    finally:
        for number in range(201):
            fhir.delete(f"Observation/portal-glucose-many-{number}")
