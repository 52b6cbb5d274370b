"""Residents see what they authorised, withdraw it, and limit what institutions share."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from server.access.caller import Party
from server.auth.shelves import CLIENTS, GRANTS, RECEIPTS
from server.identity import limits
from server.identity.access import caller_of
from tests.portal.me import world

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture
def grant(services, people):
    """An active grant of the resident to an app whose every text is hostile."""
    now = datetime.now(UTC)
    services.store.shelf(CLIENTS).put(
        "portal-app",
        {
            "name": f"血压管家{world.PROBE}",
            "legal_name": f"健康科技公司{world.PROBE}",
            "purpose": {"zh": f"提醒服药{world.PROBE}", "en": f"To remind{world.PROBE}"},
            "status": "approved",
        },
    )
    services.store.shelf(GRANTS).put(
        "portal-grant",
        {
            "client": "portal-app",
            "account": "resident",
            "person": f"Patient/{world.OWN}",
            "patient": f"Patient/{world.OWN}",
            "scope": "openid patient/Observation.rs patient/*.cruds launch/patient",
            "labels": ["PSY"],
            "purpose": "PATRQT",
            "status": "active",
            "created": now,
            "expires_at": now + timedelta(days=30),
            "text_digest": DIGEST,
            "consent": "Consent/none",
        },
    )
    services.store.shelf(RECEIPTS).put(
        "portal-grant",
        {
            "client": "portal-app",
            "account": "resident",
            "patient": f"Patient/{world.OWN}",
            "scope": "openid",
            "created": now,
            "until": now,
            "text_digest": DIGEST,
            "lines": [f"所示文本{world.PROBE}"],
        },
    )
    yield "portal-grant"
    services.store.shelf(GRANTS).take("portal-grant")
    services.store.shelf(RECEIPTS).take("portal-grant")


def test_a_grant_is_told_with_who_what_how_long_and_the_sensitive_kinds(resident, grant):
    page = resident.get("/me/apps")
    for word in ("血压管家", "健康科技公司", "To remind", "See: Results of tests", "Mental health"):
        assert word in page.text
    assert "See and write: The whole record" in page.text
    assert "Not used yet" in page.text
    assert page.all("script") == page.all("img") == []
    assert "查看：检验检查结果" in resident.get("/me/apps", "zh").text


def test_the_receipt_has_the_digest_of_what_was_shown(resident, grant):
    page = resident.get(f"/me/apps/{grant}")
    assert page.status == 200
    assert DIGEST in page.text
    assert "所示文本<script>" in page.text
    assert page.all("script") == []


def test_when_it_was_last_used_is_what_the_trail_says(resident, grant, services):
    services.trail.append(
        structs.replace(
            event := world.event([world.OWN], app=Party("portal-app", "血压管家")),
            caller=structs.replace(event.caller, grant=grant),
        )
    )
    assert "Last used 20" in resident.get("/me/apps").text


def test_two_clicks_withdraw_it(resident, grant, services):
    page = resident.get("/me/apps")
    (form,) = [one for one in page.all("form") if one["action"].endswith("/withdraw")]
    assert form["method"] == "post"
    assert resident.post(form["action"]).status == 303
    assert services.store.shelf(GRANTS).find(grant)["status"] == "revoked"
    after = resident.get("/me/apps")
    assert not [one for one in after.all("form") if one["action"].endswith("/withdraw")]
    assert "血压管家" in after.text.partition("Withdrawn or over")[2]


def test_nobody_sees_or_withdraws_the_grant_of_somebody_else(signed_in, grant, services):
    other = signed_in("other")
    assert "血压管家" not in other.get("/me/apps").text
    assert other.get(f"/me/apps/{grant}").status == 404
    assert other.post(f"/me/apps/{grant}/withdraw").status == 404
    assert services.store.shelf(GRANTS).find(grant)["status"] == "active"


def test_what_is_not_to_be_shared_is_kept_as_consents_that_deny(resident, fhir, services, people):
    patient = f"Patient/{world.OWN}"
    caller = caller_of(people.resident, "PATRQT")
    query = f"Consent?patient={patient}"
    before = {one["resource"]["id"] for one in fhir.bundle(query).get("entry", ())}
    assert resident.post("/me/apps/limits", {"label": ["HIV", "PSY"]}).status == 303
    assert limits.in_force(services, caller, patient) == {"HIV", "PSY"}
    page = resident.get("/me/apps")
    ticked = {one["value"] for one in page.all("input", name="label") if "checked" in one}
    assert ticked == {"HIV", "PSY"}
    found = fhir.bundle(f"{query}&status=active")["entry"]
    assert {one["resource"]["provision"]["type"] for one in found} == {"deny"}
    assert {one["resource"]["policyRule"]["coding"][0]["code"] for one in found} == {"OPTOUT"}
    assert resident.post("/me/apps/limits", {"label": ["PSY"]}).status == 303
    assert limits.in_force(services, caller, patient) == {"PSY"}
    assert resident.post("/me/apps/limits", {"label": ["HIV"]}).status == 303
    assert limits.in_force(services, caller, patient) == {"HIV"}
    after = {one["resource"]["id"] for one in fhir.bundle(query)["entry"]}
    assert len(after - before) <= 2
    assert resident.post("/me/apps/limits").status == 303
    assert limits.in_force(services, caller, patient) == set()


def kept(services, patient):
    """Return what the document of `patient` says that they keep from others."""
    patients = services.store.engine.collections.current("Patient")
    return patients.find_one({"_id": patient.partition("/")[2]}).get("kept")


def test_the_whole_record_can_be_shut_to_other_institutions(resident, services, people):
    patient = f"Patient/{world.OWN}"
    assert resident.post("/me/apps/limits", {"label": ["ALL", "HIV"]}).status == 303
    caller = caller_of(people.resident, "PATRQT")
    assert limits.in_force(services, caller, patient) == {"ALL", "HIV"}
    assert kept(services, patient) == ["ALL", "HIV"]
    assert "氨氯地平片" in resident.get("/me", "zh").text
    assert resident.post("/me/apps/limits").status == 303
    assert not kept(services, patient)
    assert limits.in_force(services, caller, patient) == set()


def test_a_kind_that_is_none_cannot_be_limited(resident, fhir):
    before = fhir.bundle(f"Consent?patient=Patient/{world.OWN}").get("total")
    assert resident.post("/me/apps/limits", {"label": ["HIV", "<b>"]}).status == 404
    assert fhir.bundle(f"Consent?patient=Patient/{world.OWN}").get("total") == before


def test_limits_of_somebody_else_cannot_be_set(resident, services, people):
    form = {"label": ["HIV"], "person": world.OTHER}
    assert resident.post("/me/apps/limits", form).status == 404
    other = caller_of(people.other, "PATRQT")
    assert limits.in_force(services, other, f"Patient/{world.OTHER}") == set()
