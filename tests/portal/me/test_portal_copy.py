"""Residents take a copy of their whole record (R1.15), in three forms."""

import json
import re

from tests.portal.me import world


def taken(browser, form, **more):
    page = browser.post("/me/copy", {"form": form, **more})
    assert page.status == 200, page.html[:500]
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert page.headers["Cache-Control"] == "no-store"
    # It goes out while it is read, so nobody knows yet how long it will be.
    assert "Content-Length" not in page.headers
    page.response.encoding = "utf-8"
    return page


def test_the_bundle_has_all_of_the_record_and_says_where_it_is_from(resident, portal_server):
    page = taken(resident, "json")
    bundle = json.loads(page.response.text)
    assert bundle["type"] == "collection"
    provenance, *entries = [one["resource"] for one in bundle["entry"]]
    assert provenance["resourceType"] == "Provenance"
    assert provenance["recorded"] == bundle["timestamp"]
    assert provenance["agent"][0]["who"]["identifier"]["value"].endswith("/fhir")
    ids = [one["id"] for one in entries]
    assert len(ids) == len(set(ids))
    assert {"portal-own", "portal-hiv", "portal-medicine", "portal-glucose-1"} <= set(ids)
    assert {f"portal-visit-{number}" for number in range(1, 28)} <= set(ids)
    assert not [one for one in ids if "other" in one or "child" in one]
    assert not [one for one in entries if one["resourceType"] == "AuditEvent"]


def test_every_digit_is_kept(resident, fhir):
    weight = world.glucose("exact", "2025-04-02", 5)
    body = json.dumps(weight).replace('"value": 5,', '"value": 5.10,')
    fhir.put("Observation/portal-glucose-exact", body.encode())
    try:
        for form in ("json", "ndjson"):
            assert '"value":5.10,' in taken(resident, form).response.text
    finally:
        fhir.delete("Observation/portal-glucose-exact")


def test_ndjson_has_one_resource_on_each_line(resident):
    page = taken(resident, "ndjson")
    lines = [json.loads(line) for line in page.response.text.splitlines()]
    assert lines[0]["resourceType"] == "Provenance"
    bundle = json.loads(taken(resident, "json").response.text)
    assert [one["id"] for one in lines[1:]] == [
        one["resource"]["id"] for one in bundle["entry"][1:]
    ]


def test_the_page_to_read_stands_alone_and_runs_nothing(resident):
    for language in ("zh", "en"):
        page = resident.post("/me/copy", {"form": "html"}, language=language)
        page.response.encoding = "utf-8"
        text = page.response.text
        assert page.headers["Content-Disposition"].endswith('.html"')
        assert page.all("script") == page.all("img") == page.all("link") == []
        assert not re.search(r'(src|href)="', text)
        assert "default-src 'none'" in page.all("meta")[2]["content"]
        assert "人类免疫缺陷病毒病" in text
        assert ("艾滋病" if language == "zh" else "HIV and AIDS") in text
        assert "王乙丑" not in text
        assert page.open == []


def test_a_parent_takes_a_copy_for_a_child(resident):
    bundle = json.loads(taken(resident, "json", person=world.CHILD).response.text)
    ids = {one["resource"]["id"] for one in bundle["entry"][1:]}
    assert {"portal-child", "portal-child-vaccine"} <= ids
    assert "portal-own" not in ids


def test_nobody_takes_a_copy_of_the_record_of_somebody_else(resident):
    page = resident.post("/me/copy", {"form": "json", "person": world.OTHER})
    assert page.status == 404


def test_a_form_that_is_not_offered_is_refused(resident):
    assert resident.post("/me/copy", {"form": "pdf"}).status == 404
