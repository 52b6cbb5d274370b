"""Breaking the glass: a reason, one patient, one hour, told at once and reviewed by another."""

from datetime import UTC, datetime, timedelta

import pytest

from server.identity import emergency
from server.identity.shelves import ATTEMPTS, EMERGENCIES
from tests.portal.me import world

REASON = "昏迷送至急诊，无家属陪同"
FORM = {"number": world.NUMBER, "reason": REASON, "understood": "yes"}


@pytest.fixture(autouse=True)
def afresh(services):
    """No emergency, and no attempt at one, before a test."""
    services.store.shelf(EMERGENCIES).remove({})
    services.store.shelf(ATTEMPTS).remove({})


def begun(doctor):
    page = doctor.post("/emergency", FORM)
    assert page.status == 303, page.text
    return page.headers["Location"]


def to_review(services, people):
    """Return the emergency accesses that wait for the officer of the province."""
    return emergency.to_review(services, people.officer)[0]


def test_the_record_opens_with_what_is_sensitive_and_from_elsewhere(doctor, services, people):
    page = doctor.get(begun(doctor), "zh")
    assert page.status == 200
    for word in ("欧阳甲子", "人类免疫缺陷病毒病", "艾滋病", "氨氯地平片", REASON):
        assert word in page.text
    assert emergency.in_force(services, people.doctor) == (f"Patient/{world.OWN}",)
    assert page.all("script") == page.all("img") == []


def test_the_patient_is_told_at_once(doctor, resident):
    assert "昏迷" not in resident.get("/me").text
    begun(doctor)
    page = resident.get("/me", "zh")
    for word in ("有医务人员在紧急情况下查看了这份档案", "刘医生", "外地医院", REASON):
        assert word in page.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "11010519491231002"}, "number"),
        ({"number": "110105194912310021"}, "number"),
        ({"number": "11010519491231002X' OR '1"}, "number"),
        ({"number": "*"}, "number"),
        ({"reason": ""}, "reason"),
        ({"reason": "急"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
def test_without_a_patient_and_a_reason_nothing_opens(doctor, services, people, change, field):
    page = doctor.post("/emergency", {**FORM, **change})
    assert page.status == 422
    assert page.fault_at(field)
    assert emergency.in_force(services, people.doctor) == ()


def test_the_clinician_says_that_they_know_what_it_means(doctor, services, people):
    page = doctor.post("/emergency", {**FORM, "understood": ""})
    assert page.status == 422
    assert "Please tick this to go on." in page.text
    assert emergency.in_force(services, people.doctor) == ()


def test_numbers_cannot_be_tried_out(doctor):
    numbers = [f"350600199001010{number}X" for number in range(10, 21)]
    statuses = [doctor.post("/emergency", {**FORM, "number": one}).status for one in numbers]
    assert statuses == [422] * 10 + [429]


def test_it_ends_after_its_hour(doctor, services, people):
    place = begun(doctor)
    past = datetime.now(UTC) - timedelta(seconds=1)
    services.store.shelf(EMERGENCIES).change(place.rpartition("/")[2], {"ends": past})
    assert emergency.in_force(services, people.doctor) == ()
    assert doctor.get(place).status == 404
    lasts = datetime.now(UTC) + emergency.LASTS
    assert lasts - datetime.now(UTC) <= timedelta(hours=1)


def test_asking_again_makes_it_no_longer(doctor, services, people):
    assert begun(doctor) == begun(doctor)
    assert len(to_review(services, people)) == 1


def test_nobody_reaches_many_patients_at_once(services, people):
    for number in range(emergency.MOST_AT_ONCE):
        emergency.begin(services, people.doctor, f"Patient/some-{number}", REASON)
    with pytest.raises(emergency.Conflict):
        emergency.begin(services, people.doctor, "Patient/one-more", REASON)


def test_a_second_person_reviews_it(doctor, officer, services, people):
    id = begun(doctor).rpartition("/")[2]
    page = officer.get("/review", "zh")
    for word in ("刘医生", "外地医院", REASON):
        assert word in page.text
    form = {"verdict": "justified", "note": "抢救记录属实"}
    assert officer.post(f"/review/emergencies/{id}", form).status == 303
    assert to_review(services, people) == []
    assert "抢救记录属实" in officer.get("/review").text
    assert officer.post(f"/review/emergencies/{id}", form).status == 409


def test_one_that_was_not_justified_ends_at_once(doctor, officer, services, people):
    place = begun(doctor)
    form = {"verdict": "unjustified", "note": "没有急诊记录"}
    officer.post(f"/review/emergencies/{place.rpartition('/')[2]}", form)
    assert emergency.in_force(services, people.doctor) == ()
    assert doctor.get(place).status == 404


def test_a_review_says_what_was_found(doctor, officer, services, people):
    id = begun(doctor).rpartition("/")[2]
    for form in ({"verdict": "justified", "note": ""}, {"verdict": "<b>", "note": "意见"}, {}):
        assert officer.post(f"/review/emergencies/{id}", form).status == 422
    assert len(to_review(services, people)) == 1


def test_nobody_reviews_their_own(doctor, services, people):
    id = begun(doctor).rpartition("/")[2]
    with pytest.raises(emergency.Forbidden):
        emergency.review(services, id, people.doctor, "justified", "我自己审查")


def test_the_emergency_of_another_clinician_is_not_there(doctor, signed_in, services, people):
    other = {**people.doctor, "id": "another"}
    one = emergency.begin(services, other, f"Patient/{world.OWN}", REASON)
    assert doctor.get(f"/emergency/{one.id}").status == 404


def test_what_is_not_there_is_not_reviewed(officer):
    form = {"verdict": "justified", "note": "没有"}
    assert officer.post("/review/emergencies/none", form).status == 404


def test_who_keeps_the_record_from_others_is_found_in_an_emergency(doctor, resident):
    """Saving a life comes before a wish to be seen by nobody: PIPL article 13."""
    assert resident.post("/me/apps/limits", {"label": ["ALL"]}).status == 303
    try:
        assert doctor.get(begun(doctor)).status == 200
    finally:
        assert resident.post("/me/apps/limits").status == 303


def test_the_officer_of_another_division_neither_sees_nor_reviews_it(
    doctor, far_officer, services, people
):
    id = begun(doctor).rpartition("/")[2]
    assert "刘医生" not in far_officer.get("/review").text
    form = {"verdict": "justified", "note": "不归我管"}
    assert far_officer.post(f"/review/emergencies/{id}", form).status == 404
    (waiting,) = to_review(services, people)
    emergency.review(services, waiting.id, people.officer, "justified", "抢救记录属实")
    assert "抢救记录属实" not in far_officer.get("/review").text


def test_what_waits_for_review_goes_on_from_page_to_page(officer, services, people):
    for number in range(51):
        account = {**people.doctor, "id": f"doctor-{number}", "name": f"第{number}位医生"}
        emergency.begin(services, account, f"Patient/{world.OWN}", REASON)
    first = officer.get("/review")
    (link,) = first.all("a", rel="next")
    second = officer.get(link["href"])
    told = [page.html.count('action="/review/emergencies/') for page in (first, second)]
    assert told == [50, 1]
    assert second.all("a", rel="next") == []


def test_what_the_overview_leaves_out_is_one_link_away(doctor):
    place = begun(doctor)
    first = doctor.get(place)
    assert f"{place}/visits" in first.links("/visits")
    seen, path = [], f"{place}/visits"
    while path:
        page = doctor.get(path)
        assert page.status == 200
        assert "欧阳甲子" in page.text
        seen += [one for one in range(4, 28) if f"科室{one}<" in page.html]
        path = next((one["href"] for one in page.all("a", rel="next")), None)
    assert sorted(seen) == list(range(4, 28))
    for part in ("results", "conditions", "allergies", "medicines", "immunizations"):
        assert doctor.get(f"{place}/{part}").status == 200
    assert doctor.get(f"{place}/secrets").status == 404
    assert doctor.get(f"/emergency/none/{part}").status == 404


@pytest.mark.parametrize(
    "number", ["１１０１０５１９４９１２３１００２Ｘ", " 110105 19491231 002x "]
)
def test_the_number_may_be_written_as_people_write_it(doctor, number):
    assert doctor.post("/emergency", {**FORM, "number": number}).status == 303
