"""The URL of a definition shows a browser its page, and a program the resource."""

import pytest
import requests as http

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def got(server, path, accept, **query):
    return http.get(
        f"{server}/{path}", params=query, headers={"Accept": accept}, allow_redirects=False
    )


@pytest.mark.parametrize(
    "path",
    ["StructureDefinition/cn-patient", "CodeSystem/gbt-2261.1-2003", "ValueSet/cn-ethnicity"],
)
def test_a_browser_is_shown_the_page(server, path):
    answer = got(server, path, BROWSER)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/profiles/{path}"
    assert "Accept" in answer.headers["Vary"]
    shown = http.get(f"{server}/{path}", headers={"Accept": BROWSER})
    assert shown.status_code == 200
    assert shown.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("accept", ["application/fhir+json", "*/*", "application/json, text/html"])
def test_a_program_is_given_the_resource(server, accept):
    answer = got(server, "StructureDefinition/cn-patient", accept)
    assert answer.status_code == 200
    assert answer.json()["id"] == "cn-patient"


def test_a_browser_can_ask_for_the_resource(server):
    answer = got(server, "StructureDefinition/cn-patient", BROWSER, _format="json")
    assert answer.json()["resourceType"] == "StructureDefinition"


@pytest.mark.parametrize(
    "path", ["StructureDefinition/nothing", "Patient/a", "StructureDefinition"]
)
def test_what_does_not_come_with_the_server_has_no_page(server, path):
    assert got(server, path, BROWSER).status_code in (200, 404)
