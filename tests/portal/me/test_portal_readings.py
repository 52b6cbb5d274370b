"""Residents add their own readings (R3.4): plausible, coded, marked, and apart from others."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.portal.me import world

NOW = "2026-01-05T08:30"
TAG = "urn:tongkang:self-measured|self-measured"


def own(fhir, patient=world.OWN):
    bundle = fhir.bundle(f"Observation?patient=Patient/{patient}&_tag={TAG}&_count=200")
    return [entry["resource"] for entry in bundle.get("entry", ())]


def test_blood_pressure_is_kept_as_a_panel_that_says_who_took_it(resident, fhir):
    before = len(own(fhir))
    form = {"kind": "pressure", "systolic": "128", "diastolic": "82", "when": NOW, "note": "饭后"}
    page = resident.post("/me/readings", form)
    assert page.status == 303
    stored = own(fhir)
    assert len(stored) == before + 1
    one = next(each for each in stored if each.get("note") == [{"text": "饭后"}])
    assert one["code"]["coding"][0]["code"] == "85354-9"
    assert [each["code"]["coding"][0]["code"] for each in one["component"]] == ["8480-6", "8462-4"]
    assert [each["valueQuantity"]["value"] for each in one["component"]] == [128, 82]
    assert {each["valueQuantity"]["code"] for each in one["component"]} == {"mm[Hg]"}
    assert one["effectiveDateTime"] == "2026-01-05T08:30:00+08:00"
    assert one["subject"]["reference"] == f"Patient/{world.OWN}"
    assert one["performer"][0]["reference"] == f"Patient/{world.OWN}"
    assert "Blood pressure" in resident.get(page.headers["Location"]).text


@pytest.mark.parametrize(
    ("kind", "value", "coded"),
    [
        ("glucose", "5.6", ("14743-9", "mmol/L")),
        ("weight", "61.25", ("29463-7", "kg")),
        ("height", "163.5", ("8302-2", "cm")),
        ("heart-rate", "72", ("8867-4", "/min")),
        ("temperature", "36.6", ("8310-5", "Cel")),
        ("oxygen", "98", ("59408-5", "%")),
        ("steps", "8123", ("41950-7", "{steps}/d")),
        ("weight", "６１．５", ("29463-7", "kg")),
    ],
)
def test_each_kind_has_its_code_and_unit(resident, fhir, kind, value, coded):
    before = {one["id"] for one in own(fhir)}
    page = resident.post("/me/readings", {"kind": kind, kind: value, "when": NOW})
    assert page.status == 303
    (one,) = [each for each in own(fhir) if each["id"] not in before]
    assert coded[0] in [each["code"] for each in one["code"]["coding"]]
    assert one["valueQuantity"]["code"] == coded[1]
    assert one["valueQuantity"]["value"] == float(value.replace("．", "."))


@pytest.mark.parametrize(
    ("kind", "form", "field"),
    [
        ("glucose", {"glucose": "6.10"}, "glucose"),
        ("pressure", {"systolic": "400", "diastolic": "80"}, "systolic"),
        ("pressure", {"systolic": "", "diastolic": "80"}, "systolic"),
        ("pressure", {"systolic": "120", "diastolic": "abc"}, "diastolic"),
        ("pressure", {"systolic": "80", "diastolic": "90"}, "diastolic"),
        ("pressure", {"systolic": "120.5", "diastolic": "90"}, "systolic"),
        ("weight", {"weight": "1e2"}, "weight"),
        ("weight", {"weight": "NaN"}, "weight"),
        ("weight", {"weight": "-5"}, "weight"),
        ("weight", {"weight": "9" * 400}, "weight"),
        ("weight", {"weight": "60", "when": "yesterday"}, "when"),
        ("weight", {"weight": "60", "when": "1999-01-01T00:00"}, "when"),
        ("weight", {"weight": "60", "when": "2026-01-05T08:30+08:00"}, "when"),
        ("weight", {"weight": "60", "note": "x" * 201}, "note"),
        ("weight", {"weight": "60", "note": "a\x00b"}, "note"),
        ("glucose", {"glucose": "0.5"}, "glucose"),
        ("temperature", {"temperature": "20"}, "temperature"),
        ("oxygen", {"oxygen": "101"}, "oxygen"),
        ("steps", {"steps": "100001"}, "steps"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_not_stored(signed_in, fhir, kind, form, field):
    before = len(own(fhir))
    resident = signed_in("resident")
    said = set()
    for language in ("zh", "en"):
        filled = {"when": NOW, **form, "kind": kind}
        page = resident.post("/me/readings", filled, language=language)
        assert page.status == 422
        said.add(page.fault_at(field))
    assert len(said) == 2
    assert len(own(fhir)) == before


def test_the_future_cannot_be_measured(resident):
    when = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    page = resident.post("/me/readings", {"kind": "weight", "weight": "60", "when": when})
    assert page.status == 422
    assert page.fault_at("when") == "The time cannot be in the future."


def test_nobody_was_measured_before_they_were_born(resident, fhir):
    form = {"kind": "height", "height": "60", "when": "2019-01-01T08:00", "person": world.CHILD}
    assert resident.post("/me/readings", form).status == 422
    assert own(fhir, world.CHILD) == []


def test_what_was_entered_stands_in_the_form_again_as_text(resident):
    form = {"kind": "weight", "weight": '"><script>1</script>', "when": NOW, "note": "ok"}
    page = resident.post("/me/readings", form)
    assert page.all("input", name="weight")[0]["value"] == '"><script>1</script>'
    assert page.all("script") == []


def test_a_kind_that_is_not_known_is_refused(resident):
    assert resident.post("/me/readings", {"kind": "mood", "when": NOW}).status == 404


def test_own_readings_are_never_among_the_results_of_institutions(resident):
    form = {"kind": "temperature", "temperature": "38.7", "when": NOW}
    assert resident.post("/me/readings", form).status == 303
    assert "38.7" in resident.get("/me/readings").text
    for path in ("/me", "/me/results"):
        assert "38.7" not in resident.get(path).text
    assert "6.8 mmol/L" not in resident.get("/me/readings").text


def test_a_parent_adds_a_reading_for_a_child(resident, fhir):
    form = {"kind": "height", "height": "112", "when": NOW, "person": world.CHILD}
    page = resident.post("/me/readings", form)
    assert page.status == 303
    assert page.headers["Location"].startswith(f"/me/readings?person={world.CHILD}")
    (one,) = own(fhir, world.CHILD)
    assert one["subject"]["reference"] == f"Patient/{world.CHILD}"
    assert one["performer"] == [{"display": "欧阳甲子"}]


def test_the_copy_of_a_parent_has_no_reading_of_the_child(resident, fhir):
    child, own = (world.glucose(f"by-{id}", "2025-05-02", 5) for id in ("parent", "child"))
    parent = [{"reference": f"Patient/{world.OWN}"}]
    fhir.update({**child, "subject": world.about(world.CHILD), "performer": parent})
    fhir.update({**own, "performer": [{"reference": f"Patient/{world.CHILD}"}]})
    try:
        copy = resident.post("/me/copy", {"form": "ndjson"}).html
        assert "portal-glucose-by-child" in copy
        assert "portal-glucose-by-parent" not in copy
        copy = resident.post("/me/copy", {"form": "ndjson", "person": world.CHILD}).html
        assert "portal-glucose-by-parent" in copy
    finally:
        for id in ("by-parent", "by-child"):
            fhir.delete(f"Observation/portal-glucose-{id}")


def test_nobody_adds_a_reading_to_the_record_of_somebody_else(resident, fhir):
    form = {"kind": "weight", "weight": "60", "when": NOW, "person": world.OTHER}
    assert resident.post("/me/readings", form).status == 404
    assert own(fhir, world.OTHER) == []
