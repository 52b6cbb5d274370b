"""Conditional create, update and delete.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, https://hl7.org/fhir/R4/http.html#cond-update,
https://hl7.org/fhir/R4/http.html#3.1.0.7.1
"""

import pytest

from tests.api.client import etag, refused
from tests.builders import TEST, fresh, identifier, patient


@pytest.fixture
def mark():
    """An identifier value that nobody has yet."""
    return fresh()


def marked(mark, **elements):
    return patient(identifier=[identifier(mark)], **elements)


def criteria(mark):
    return f"identifier={TEST}|{mark}"


def test_a_conditional_create_without_a_match_creates(fhir, mark):
    answer = fhir.post("Patient", marked(mark), If_None_Exist=criteria(mark))
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith("/_history/1")
    assert fhir.ids(f"Patient?{criteria(mark)}") == [answer.json()["id"]]


def test_a_conditional_create_with_one_match_answers_what_is_there(fhir, mark):
    stored = fhir.create(marked(mark))
    answer = fhir.post("Patient", marked(mark, gender="male"), If_None_Exist=criteria(mark))
    assert answer.status_code == 200
    assert answer.json() == stored
    assert etag(answer) == 'W/"1"'


def test_a_conditional_create_with_several_matches_is_412(fhir, mark):
    for _ in range(2):
        fhir.create(marked(mark))
    refused(fhir.post("Patient", marked(mark), If_None_Exist=criteria(mark)), 412)
    assert len(fhir.ids(f"Patient?{criteria(mark)}")) == 2


def test_a_conditional_create_after_a_deletion_creates_anew(fhir, mark):
    first = fhir.post("Patient", marked(mark), If_None_Exist=criteria(mark)).json()
    fhir.delete(f"Patient/{first['id']}")
    answer = fhir.post("Patient", marked(mark), If_None_Exist=criteria(mark))
    assert answer.status_code == 201
    assert answer.json()["id"] != first["id"]


def test_a_conditional_create_after_the_match_changed_creates_anew(fhir, mark):
    first = fhir.post("Patient", marked(mark), If_None_Exist=criteria(mark)).json()
    fhir.update({**first, "identifier": [identifier(fresh())]})
    assert fhir.post("Patient", marked(mark), If_None_Exist=criteria(mark)).status_code == 201


@pytest.mark.parametrize("header", ["colour=red", "identifier", "", "identifier=", "%zz=1"])
def test_criteria_that_say_nothing_are_refused(fhir, mark, header):
    answer = fhir.post("Patient", marked(mark), If_None_Exist=header)
    refused(answer, 400, 412)
    assert fhir.ids(f"Patient?{criteria(mark)}") == []


def test_a_conditional_update_without_a_match_creates(fhir, mark):
    answer = fhir.put(f"Patient?{criteria(mark)}", marked(mark))
    assert answer.status_code == 201
    assert etag(answer) == 'W/"1"'
    assert answer.headers["Location"] == f"{fhir.base}/Patient/{answer.json()['id']}/_history/1"


def test_a_conditional_update_without_a_match_takes_the_id_in_the_body(fhir, mark):
    id = fresh()
    answer = fhir.put(f"Patient?{criteria(mark)}", marked(mark, id=id))
    assert answer.status_code == 201
    assert answer.json()["id"] == id


def test_a_conditional_update_does_not_overwrite_what_the_criteria_do_not_match(fhir, mark):
    """The id exists, but under other criteria: R5 spells out 409 for this."""
    stored = fhir.create(patient(gender="male"))
    answer = fhir.put(f"Patient?{criteria(mark)}", marked(mark, id=stored["id"]))
    refused(answer, 400, 409, 412)
    assert fhir.read("Patient", stored["id"]) == stored


def test_a_conditional_update_with_one_match_updates_it(fhir, mark):
    stored = fhir.create(marked(mark, gender="male"))
    answer = fhir.put(f"Patient?{criteria(mark)}", marked(mark, gender="female"))
    assert answer.status_code == 200
    assert answer.json()["id"] == stored["id"]
    assert etag(answer) == 'W/"2"'


def test_a_conditional_update_with_the_id_of_the_match_updates_it(fhir, mark):
    stored = fhir.create(marked(mark, gender="male"))
    answer = fhir.put(f"Patient?{criteria(mark)}", {**stored, "gender": "female"})
    assert answer.status_code == 200
    assert answer.json()["id"] == stored["id"]


def test_a_conditional_update_with_another_id_is_400(fhir, mark):
    stored = fhir.create(marked(mark))
    refused(fhir.put(f"Patient?{criteria(mark)}", marked(mark, id=fresh())), 400)
    assert fhir.read("Patient", stored["id"]) == stored


def test_a_conditional_update_with_several_matches_is_412(fhir, mark):
    stored = [fhir.create(marked(mark)) for _ in range(2)]
    refused(fhir.put(f"Patient?{criteria(mark)}", marked(mark, active=True)), 412)
    assert [fhir.read("Patient", each["id"]) for each in stored] == stored


def test_a_conditional_update_that_changes_nothing_makes_no_version(fhir, mark):
    fhir.put(f"Patient?{criteria(mark)}", marked(mark))
    answer = fhir.put(f"Patient?{criteria(mark)}", marked(mark))
    assert answer.status_code == 200
    assert etag(answer) == 'W/"1"'


def test_a_conditional_update_with_unknown_criteria_is_refused_even_for_the_lenient(fhir, mark):
    """Ignoring a criterion would match resources that were not meant."""
    for preference in ("handling=strict", "handling=lenient"):
        answer = fhir.put(f"Patient?colour={mark}", marked(mark), Prefer=preference)
        refused(answer, 400, 412)


def test_a_conditional_delete_deletes_the_one_match(fhir, mark):
    stored = fhir.create(marked(mark))
    assert fhir.delete(f"Patient?{criteria(mark)}").status_code == 204
    refused(fhir.get(f"Patient/{stored['id']}"), 410)


def test_a_conditional_delete_without_a_match_is_204(fhir, mark):
    assert fhir.delete(f"Patient?{criteria(mark)}").status_code in (204, 404)


def test_a_conditional_delete_with_several_matches_is_412_and_deletes_none(fhir, mark):
    stored = [fhir.create(marked(mark)) for _ in range(2)]
    refused(fhir.delete(f"Patient?{criteria(mark)}"), 412)
    assert [fhir.read("Patient", each["id"]) for each in stored] == stored


@pytest.mark.parametrize("query", ["colour=red", "identifier=", "_count=1", "_summary=true"])
def test_a_conditional_delete_needs_criteria_that_are_known(fhir, query):
    stored = fhir.create(patient())
    for preference in ("handling=strict", "handling=lenient"):
        refused(fhir.delete(f"Patient?{query}", Prefer=preference), 400, 412)
    assert fhir.read("Patient", stored["id"]) == stored


@pytest.mark.parametrize("query", ["_sort=_id", "_format=json", ""])
def test_criteria_that_choose_nothing_are_refused(fhir, mark, query):
    """Otherwise they would match whatever there is."""
    stored = fhir.create(patient())
    refused(fhir.delete(f"Patient?{query}"), 400)
    refused(fhir.put(f"Patient?{query}", patient()), 400)
    assert fhir.get(f"Patient/{stored['id']}").status_code == 200


def test_layout_is_no_criterion(fhir):
    own = identifier()
    answer = fhir.put(f"Patient?identifier={own['value']}&_format=json", patient(identifier=[own]))
    assert answer.status_code == 201


@pytest.mark.parametrize("id", ["..", ".", "a..b"])
def test_a_conditional_update_takes_no_id_that_a_url_cannot_have(fhir, id):
    own = identifier()
    body = patient(id=id, identifier=[own])
    refused(fhir.put(f"Patient?identifier={own['value']}", body), 400, 422)


def test_a_conditional_update_over_a_deleted_id_goes_on_with_its_versions(fhir):
    own = identifier()
    stored = fhir.create(patient())
    fhir.delete(f"Patient/{stored['id']}")
    body = patient(id=stored["id"], identifier=[own])
    answer = fhir.put(f"Patient?identifier={own['value']}", body)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == 'W/"3"'


def test_if_match_fails_where_a_conditional_delete_matches_nothing(fhir):
    refused(fhir.delete(f"Patient?identifier={identifier()['value']}", If_Match='W/"1"'), 412)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_write_has_no_parameters_that_would_be_ignored(fhir, method):
    stored = fhir.create(patient())
    path = {"post": "Patient?colour=red"}.get(method, f"Patient/{stored['id']}?colour=red")
    body = () if method == "delete" else (patient(id=stored["id"]),)
    refused(getattr(fhir, method)(path, *body), 400)
