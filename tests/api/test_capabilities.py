"""The CapabilityStatement promises what the server does, and no more.

Spec: https://hl7.org/fhir/R4/http.html#capabilities, https://hl7.org/fhir/R4/capabilitystatement.html
"""

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from tests.api.client import FHIR_JSON, refused
from tests.builders import fresh


@pytest.fixture
def statement(fhir):
    answer = fhir.get("metadata")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == FHIR_JSON
    return answer.json()


def resources(statement):
    return {each["type"]: each for each in statement["rest"][0]["resource"]}


def test_the_statement_is_valid(statement):
    CapabilityStatement.model_validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["kind"] == "instance"
    assert statement["implementation"]["url"].endswith("/fhir")
    assert statement["rest"][0]["mode"] == "server"


def test_what_nobody_writes_has_no_operation_that_changes_it(statement):
    names = {one["name"] for one in resources(statement)["AuditEvent"]["operation"]}
    assert {"meta", "validate"} <= names
    assert not names & {"meta-add", "meta-delete"}


def test_it_names_only_formats_that_are_given(fhir, statement):
    for name in statement["format"]:
        answer = fhir.get(f"metadata?_format={name.replace('+', '%2B')}")
        assert answer.status_code == 200
        assert ("xml" in answer.headers["Content-Type"]) == ("xml" in name)
    assert {"application/fhir+json", "application/fhir+xml"} <= set(statement["format"])


def test_it_names_the_formats_of_patches_that_are_taken(fhir, statement):
    taken = fhir.request("OPTIONS", "Patient/x").headers["Accept-Patch"]
    assert statement["patchFormat"] == taken.split(", ")


def test_every_type_of_r4_is_served(fhir, statement):
    """R4 has 148 resource types, of which Resource and DomainResource are abstract."""
    served = resources(statement)
    assert len(served) >= 140
    assert {"Patient", "Observation", "Encounter", "MedicinalProduct", "Basic"} <= set(served)
    for type in served:
        assert fhir.get(f"{type}/{fresh()}").status_code == 404
        assert fhir.get(f"{type}?_count=0").status_code == 200, type


def test_promised_interactions_are_kept(fhir, statement):
    url = {
        "read": ("GET", "Basic/{id}"),
        "vread": ("GET", "Basic/{id}/_history/1"),
        "update": ("PUT", "Basic/{id}"),
        "patch": ("PATCH", "Basic/{id}"),
        "delete": ("DELETE", "Basic/{id}"),
        "history-instance": ("GET", "Basic/{id}/_history"),
        "history-type": ("GET", "Basic/_history"),
        "create": ("POST", "Basic"),
        "search-type": ("GET", "Basic"),
    }
    promised = {each["code"] for each in resources(statement)["Basic"]["interaction"]}
    assert promised <= set(url)
    id = fhir.create({"resourceType": "Basic", "code": {"text": "x"}})["id"]
    for code, (method, path) in url.items():
        allowed = fhir.request("OPTIONS", path.format(id=id)).headers["Allow"]
        assert (method in allowed.split(", ")) == (code in promised), code


def test_promised_search_parameters_work_and_others_do_not(fhir, statement):
    for type in ("Patient", "Observation", "Encounter", "Basic"):
        promised = {each["name"] for each in resources(statement)[type]["searchParam"]}
        assert "_id" in promised
        for name in promised:
            value = {"_lastUpdated": "2020"}.get(name, "x")
            answer = fhir.get(f"{type}?{name}={value}&_count=1")
            assert answer.status_code in (200, 400), name
            if answer.status_code == 400:
                # A value may be wrong for the parameter; the parameter itself must be known.
                assert "unknown" not in answer.json()["issue"][0]["details"]["coding"][0]["code"]
        refused(fhir.get(f"{type}?colour=red"), 400)


def test_it_tells_how_versions_and_conditions_are_dealt_with(statement):
    patient = resources(statement)["Patient"]
    assert patient["versioning"] in ("versioned", "versioned-update")
    assert patient["readHistory"] is True
    assert patient["updateCreate"] is True
    assert patient["conditionalCreate"] is True
    assert patient["conditionalUpdate"] is True
    assert patient["conditionalDelete"] == "single"
    assert patient["conditionalRead"] == "full-support"


def test_an_unknown_mode_is_refused(fhir):
    assert fhir.get("metadata?mode=full").status_code == 200
    assert fhir.get("metadata?mode=terminology").status_code in (200, 400, 404)
    refused(fhir.get("metadata?mode=nonsense"), 400)
