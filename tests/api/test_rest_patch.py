"""Patching a resource: what both formats have in common, and JSON Patch.

Spec: https://hl7.org/fhir/R4/http.html#patch, https://www.rfc-editor.org/rfc/rfc6902
"""

import json

import pytest

from tests.api.client import etag, refused
from tests.builders import TEST, fresh, identifier, observation, patient

JSON_PATCH = "application/json-patch+json"


@pytest.fixture
def patch(fhir):
    """Send a JSON Patch, a list or text."""

    def send(path, operations, **headers):
        text = operations if isinstance(operations, str) else json.dumps(operations)
        return fhir.request("PATCH", path, text.encode(), **{"Content_Type": JSON_PATCH, **headers})

    return send


@pytest.fixture
def stored(fhir):
    return fhir.create(patient(birthDate="1970-01-01"))


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


MALE = [replace("/gender", "male")]


def test_a_patch_makes_the_next_version(fhir, patch, stored):
    answer = patch(f"Patient/{stored['id']}", MALE)
    assert answer.status_code == 200
    assert answer.json()["gender"] == "male"
    assert answer.json()["birthDate"] == "1970-01-01"
    assert etag(answer) == 'W/"2"'
    assert answer.json()["meta"]["versionId"] == "2"
    assert fhir.read("Patient", stored["id"]) == answer.json()
    assert fhir.get(f"Patient/{stored['id']}/_history/1").json() == stored


def test_a_patch_is_found_by_what_it_made(fhir, patch, stored):
    mark = fresh()
    patch(
        f"Patient/{stored['id']}",
        [{"op": "add", "path": "/identifier", "value": [identifier(mark)]}],
    )
    assert fhir.ids(f"Patient?identifier={mark}") == [stored["id"]]
    patch(f"Patient/{stored['id']}", [{"op": "remove", "path": "/identifier"}])
    assert fhir.ids(f"Patient?identifier={mark}") == []


def test_digits_and_han_stay_as_they_are(fhir, patch):
    id = fhir.create(observation())["id"]
    body = '[{"op":"replace","path":"/valueQuantity/value","value":36.50}]'
    assert b'"value":36.50' in patch(f"Observation/{id}", body).content
    answer = patch(f"Observation/{id}", [replace("/code/text", "腋温")])
    assert b'"value":36.50' in answer.content
    assert "腋温" in answer.content.decode()
    assert answer.content == fhir.get(f"Observation/{id}").content


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [{"op": "test", "path": "/gender", "value": "female"}],
        [replace("/gender", "female")],
        [{"op": "add", "path": "/active", "value": True}, {"op": "remove", "path": "/active"}],
        [replace("/meta/versionId", "77")],
        [{"op": "remove", "path": "/meta"}],
    ],
)
def test_a_patch_that_changes_nothing_makes_no_version(fhir, patch, stored, operations):
    answer = patch(f"Patient/{stored['id']}", operations)
    assert answer.status_code == 200
    assert answer.json() == stored
    assert etag(answer) == 'W/"1"'
    assert len(fhir.bundle(f"Patient/{stored['id']}/_history")["entry"]) == 1


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/gender", "value": "male"}],
        [{"op": "remove", "path": "/active"}],
        [replace("/name/7/family", "x")],
        [{"op": "add", "path": "/name/2", "value": {}}],
        [replace("/gender", "lady")],
        [replace("/gender", None)],
        [replace("/colour", "red")],
        [{"op": "add", "path": "/colour", "value": "red"}],
        [{"op": "remove", "path": ""}],
        [replace("", ["x"])],
        [replace("/id", "another")],
        [{"op": "remove", "path": "/id"}],
        [replace("/resourceType", "Person")],
        [{"op": "remove", "path": "/resourceType"}],
        [replace("", {"resourceType": "Patient"})],
        [*MALE, replace("/name/0/family", "")],
    ],
)
def test_a_patch_that_cannot_be_done_is_422_and_does_nothing(fhir, patch, stored, operations):
    refused(patch(f"Patient/{stored['id']}", operations), 422)
    assert fhir.read("Patient", stored["id"]) == stored


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[", "[1]", '[{"op":"add"}]', '[{"op":"sing","path":"/a"}]', "null",
     '{"resourceType":"Parameters"}', '[{"op":"remove","path":"a"}]', "\ufeff[]",
     '[{"op":"remove","path":"/a","path":"/b"}]'],
)  # fmt: skip
def test_what_is_no_json_patch_is_400(fhir, patch, stored, text):
    refused(patch(f"Patient/{stored['id']}", text), 400)
    assert fhir.read("Patient", stored["id"]) == stored


def test_a_refusal_says_which_operation_failed_in_the_callers_language(patch, stored):
    operations = [replace("/gender", "male"), {"op": "remove", "path": "/a~1b"}]
    answer = patch(f"Patient/{stored['id']}", operations, Accept_Language="en")
    (issue,) = refused(answer, 422, language="en")
    assert "1" in issue["details"]["text"]
    assert "/a~1b" in issue["details"]["text"]


def test_too_much_is_413(patch, stored):
    path = f"Patient/{stored['id']}"
    refused(patch(path, MALE * 1001), 413)
    doubling = [{"op": "copy", "from": "/name", "path": "/name/-"}] * 30
    refused(patch(path, doubling), 413)
    deep = [{"op": "copy", "from": "/name", "path": "/name/0/extension"}] * 100
    refused(patch(path, deep), 413, 422)


@pytest.mark.parametrize(
    "type",
    ["application/merge-patch+json", "text/plain", "application/xml-patch+xml",
     "application/json-patch", "application/json-patch+json; charset=gbk",
     "application/x-www-form-urlencoded"],
)  # fmt: skip
def test_another_format_is_415_and_says_which_there_are(fhir, patch, stored, type):
    answer = patch(f"Patient/{stored['id']}", MALE, Content_Type=type)
    refused(answer, 415)
    assert (
        answer.headers["Accept-Patch"]
        == f"{JSON_PATCH}, application/fhir+json, application/fhir+xml"
    )


@pytest.mark.parametrize("type", ["application/fhir+json", "application/json", "text/json"])
def test_json_patch_as_a_resource_is_400(patch, stored, type):
    (issue,) = refused(patch(f"Patient/{stored['id']}", MALE, Content_Type=type), 400)
    assert JSON_PATCH in issue["details"]["text"]


def test_a_charset_may_be_named(patch, stored):
    for charset in ("utf-8", "UTF-8", '"utf-8"'):
        type = f"{JSON_PATCH}; charset={charset}"
        assert patch(f"Patient/{stored['id']}", [], Content_Type=type).status_code == 200


def test_options_tell_the_formats(fhir, stored):
    for path in ("Patient", f"Patient/{stored['id']}"):
        answer = fhir.request("OPTIONS", path)
        assert "PATCH" in answer.headers["Allow"].split(", ")
        assert (
            answer.headers["Accept-Patch"]
            == f"{JSON_PATCH}, application/fhir+json, application/fhir+xml"
        )
    assert "Accept-Patch" not in fhir.request("OPTIONS", "Patient/_search").headers


def test_what_is_not_there_is_404(fhir, patch):
    id = fresh()
    refused(patch(f"Patient/{id}", MALE), 404)
    refused(patch(f"Patient/{id}", MALE, If_Match='W/"1"'), 404)
    refused(fhir.get(f"Patient/{id}"), 404)


def test_what_was_deleted_is_410(fhir, patch, stored):
    fhir.delete(f"Patient/{stored['id']}")
    refused(patch(f"Patient/{stored['id']}", MALE), 410)
    refused(fhir.get(f"Patient/{stored['id']}"), 410)


def test_if_match_on_the_current_version_patches(patch, stored):
    answer = patch(f"Patient/{stored['id']}", MALE, If_Match='W/"1"')
    assert answer.status_code == 200
    assert etag(answer) == 'W/"2"'


def test_if_match_on_an_older_version_is_412_whatever_is_asked(fhir, patch, stored):
    second = patch(f"Patient/{stored['id']}", MALE).json()
    for operations in (MALE, [], [{"op": "remove", "path": "/nothing"}]):
        refused(patch(f"Patient/{stored['id']}", operations, If_Match='W/"1"'), 412)
    assert fhir.read("Patient", stored["id"]) == second


@pytest.mark.parametrize(
    ("prefer", "type"),
    [("minimal", None), ("OperationOutcome", "OperationOutcome"), ("representation", "Patient")],
)
def test_a_patch_is_answered_as_preferred(patch, stored, prefer, type):
    answer = patch(f"Patient/{stored['id']}", MALE, Prefer=f"return={prefer}")
    assert answer.status_code == 200
    assert etag(answer) == 'W/"2"'
    assert (answer.json()["resourceType"] if answer.content else None) == type


def test_a_parameter_that_is_not_known_is_400(fhir, patch, stored):
    refused(patch(f"Patient/{stored['id']}?colour=red", MALE), 400)
    assert patch(f"Patient/{stored['id']}?_pretty=true", MALE).status_code == 200


def test_a_conditional_patch_patches_the_one_match(fhir, patch):
    mark = fresh()
    stored = fhir.create(patient(identifier=[identifier(mark)]))
    answer = patch(f"Patient?identifier={TEST}|{mark}", MALE)
    assert answer.status_code == 200
    assert answer.json()["id"] == stored["id"]
    assert answer.json()["gender"] == "male"
    assert fhir.read("Patient", stored["id"]) == answer.json()


def test_a_conditional_patch_without_a_match_is_404_and_creates_nothing(fhir, patch):
    mark = fresh()
    refused(patch(f"Patient?identifier={TEST}|{mark}", MALE), 404)
    assert fhir.ids(f"Patient?identifier={mark}") == []


def test_a_conditional_patch_with_several_matches_is_412(fhir, patch):
    mark = fresh()
    stored = [fhir.create(patient(identifier=[identifier(mark)])) for _ in range(2)]
    refused(patch(f"Patient?identifier={TEST}|{mark}", MALE), 412)
    assert [fhir.read("Patient", one["id"]) for one in stored] == stored


def test_a_conditional_patch_knows_if_match(fhir, patch):
    mark = fresh()
    fhir.create(patient(identifier=[identifier(mark)]))
    path = f"Patient?identifier={TEST}|{mark}"
    refused(patch(path, MALE, If_Match='W/"2"'), 412)
    assert patch(path, MALE, If_Match='W/"1"').status_code == 200


@pytest.mark.parametrize("query", ["", "?colour=red", "?_pretty=true", "?identifier="])
def test_criteria_that_say_nothing_are_400(patch, query):
    refused(patch(f"Patient{query}", MALE), 400, 412)


def narrated(status):
    div = '<div xmlns="http://www.w3.org/1999/xhtml">女</div>'
    return patient(text={"status": status, "div": div})


@pytest.mark.parametrize("status", ["generated", "extensions"])
def test_a_narrative_that_is_left_out_of_date_goes(fhir, patch, status):
    """https://hl7.org/fhir/R4/http.html#patch: it must not be clinically unsafe."""
    stored = fhir.create(narrated(status))
    assert "text" not in patch(f"Patient/{stored['id']}", MALE).json()


@pytest.mark.parametrize("status", ["generated", "additional"])
def test_a_narrative_stays_that_is_patched_too_or_not_concerned(fhir, patch, status):
    stored = fhir.create(narrated(status))
    path = f"Patient/{stored['id']}"
    tag = {"op": "add", "path": "/meta/tag", "value": [{"system": TEST, "code": "x"}]}
    assert patch(path, [tag]).json()["text"] == stored["text"]
    div = stored["text"]["div"].replace("女", "男")
    assert patch(path, [*MALE, replace("/text/div", div)]).json()["text"]["div"] == div


def test_a_narrative_that_says_more_than_the_data_has_to_be_patched_too(fhir, patch):
    stored = fhir.create(narrated("additional"))
    refused(patch(f"Patient/{stored['id']}", MALE), 422)
    removal = {"op": "remove", "path": "/text"}
    assert patch(f"Patient/{stored['id']}", [*MALE, removal]).status_code == 200


def test_a_search_parameter_that_becomes_wrong_is_refused(fhir, patch):
    definition = {
        "resourceType": "SearchParameter", "url": f"urn:x:{fresh()}", "name": "x", "code": fresh(),
        "status": "draft", "description": "x", "base": ["Patient"], "type": "string",
        "expression": "Patient.nonsense",
    }  # fmt: skip
    stored = fhir.create(definition)
    refused(patch(f"SearchParameter/{stored['id']}", [replace("/status", "active")]), 422)
    assert fhir.read("SearchParameter", stored["id"]) == stored
