"""A transaction: all of it or nothing, with links between its entries.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import pytest

from tests.api.bundles import (
    about,
    batch,
    created,
    done,
    entry,
    path,
    place,
    put,
    statuses,
    transaction,
    urn,
    why,
)
from tests.builders import TEST, fresh, identifier, observation, patient

SOME = 12


def test_entries_are_answered_in_their_order_whatever_the_order_of_processing(fhir):
    kept, gone = fresh(), fresh()
    fhir.put(f"Patient/{gone}", patient(id=gone))
    sent = transaction(
        entry("GET", f"Patient/{kept}"),
        put(patient(id=kept)),
        created(observation()),
        entry("DELETE", f"Patient/{gone}"),
    )
    entries = done(fhir.post("", sent))
    assert statuses(entries) == [200, 201, 201, 204]
    assert entries[0]["resource"]["id"] == kept
    assert place(entries[1]) == ("Patient", kept, 1)
    assert fhir.get(f"Patient/{gone}").status_code == 410


def test_an_answer_tells_version_and_time_and_where_it_is(fhir):
    (answered,) = done(fhir.post("", transaction(created(patient()))))
    read = fhir.get(path(answered))
    assert answered["response"]["etag"] == read.headers["ETag"]
    assert answered["response"]["lastModified"] == read.json()["meta"]["lastUpdated"]
    assert answered["response"]["location"].startswith(fhir.base)
    assert "resource" not in answered


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        ("return=representation", {"resource", "response"}),
        ("return=minimal", {"response"}),
        ("return=OperationOutcome", {"response"}),
    ],
)
def test_resources_come_back_if_they_are_asked_for(fhir, prefer, expected):
    (answered,) = done(fhir.post("", transaction(created(patient())), Prefer=prefer))
    assert set(answered) == expected
    assert ("outcome" in answered["response"]) == (prefer == "return=OperationOutcome")


def test_what_is_read_shows_what_was_written(fhir):
    value = fresh()
    sent = transaction(
        entry("GET", f"Patient?identifier={TEST}|{value}"),
        created(patient(identifier=[identifier(value)])),
    )
    found, _ = done(fhir.post("", sent))
    assert found["resource"]["total"] == 1


@pytest.mark.parametrize(
    ("url", "status"),
    [("Patient/nobody", 404), ("Patient/gone", 410), ("Patient?nonsense=1", 400), ("_jobs/x", 400)],
)
def test_a_read_that_cannot_be_answered_undoes_the_whole(fhir, url, status):
    value = fresh()
    fhir.put("Patient/gone", patient(id="gone"))
    fhir.delete("Patient/gone")
    new = patient(identifier=[identifier(value)])
    answer = fhir.post("", transaction(entry("GET", url), created(new)))
    assert answer.status_code == status
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[0]"]
    assert fhir.ids(f"Patient?identifier={TEST}|{value}") == []


def test_what_is_deleted_cannot_be_read_in_the_same_transaction(fhir):
    id = fresh()
    fhir.put(f"Patient/{id}", patient(id=id))
    sent = transaction(entry("GET", f"Patient/{id}"), entry("DELETE", f"Patient/{id}"))
    assert fhir.post("", sent).status_code == 410
    assert fhir.get(f"Patient/{id}").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        created(observation(status="nonsense")),
        created(observation(unknown=1)),
        created(about(urn())),
        entry("POST", "Patient", observation()),
        entry("PUT", "Patient/a", patient(id="b")),
        entry("PUT", f"Patient/{fresh()}", patient()),
        entry("DELETE", "Patient?nonsense=1"),
        entry("POST", "Nonsense", patient()),
        entry("PUT", "Patient/a/b", patient(id="a")),
        entry("POST", "Patient"),
        entry("POST", "Patient?name=a", patient()),
        created(about("Patient?identifier=nobody|has-this")),
        created(patient(), ifNoneExist="nonsense=1"),
        created(patient(), ifNoneExist=""),
        put(patient(id=fresh()), ifMatch='W/"7"'),
        {"resource": patient()},
    ],
)
def test_one_wrong_entry_leaves_nothing_and_is_named(fhir, wrong):
    mark = fresh()
    rest = [created(patient(identifier=[identifier(mark)])) for _ in range(SOME)]
    answer = fhir.post("", transaction(*rest, wrong))
    assert 400 <= answer.status_code < 500
    issues = answer.json()["issue"]
    assert all(one["expression"][0].startswith(f"Bundle.entry[{SOME}]") for one in issues)
    assert fhir.ids(f"Patient?identifier={TEST}|{mark}") == []


def test_the_999th_of_a_thousand_fails_and_nothing_is_left(fhir):
    mark = fresh()
    rest = [created(patient(identifier=[identifier(mark)])) for _ in range(998)]
    sent = transaction(*rest, created(observation(status="nonsense")), created(patient()))
    answer = fhir.post("", sent)
    assert why(answer, 422) == "structure-code-not-in-value-set"
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[998].resource.status"]
    assert fhir.ids(f"Patient?identifier={TEST}|{mark}") == []


def test_a_thousand_entries_are_done(fhir):
    person = urn()
    sent = transaction(created(patient(), person), *(created(about(person)) for _ in range(999)))
    answered = done(fhir.post("", sent))
    assert set(statuses(answered)) == {201}
    counted = fhir.get(f"Observation?subject={path(answered[0])}&_summary=count&_total=accurate")
    assert counted.json()["total"] == 999


def test_more_entries_than_allowed_are_refused_before_any_is_done(fhir):
    mark = fresh()
    sent = transaction(*(created(patient(identifier=[identifier(mark)])) for _ in range(1001)))
    assert why(fhir.post("", sent), 413) == "bundle-too-large"
    assert fhir.ids(f"Patient?identifier={TEST}|{mark}") == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (put(patient(id="overlap-1")), put(patient(id="overlap-1", active=True))),
        (put(patient(id="overlap-2")), entry("DELETE", "Patient/overlap-2")),
        (entry("DELETE", "Patient/overlap-3"), entry("DELETE", "Patient/overlap-3")),
    ],
)
def test_two_entries_about_one_resource_are_refused(fhir, first, second):
    assert why(fhir.post("", transaction(first, second)), 400) == "entries-overlap"


def test_two_entries_that_turn_out_to_be_about_one_resource_are_refused(fhir):
    id, value = fresh(), fresh()
    fhir.put(f"Patient/{id}", patient(id=id, identifier=[identifier(value)]))
    sent = transaction(
        put(patient(id=id, identifier=[identifier(value)], active=True)),
        entry("DELETE", f"Patient?identifier={TEST}|{value}"),
    )
    assert why(fhir.post("", sent), 400) == "entries-overlap"
    assert fhir.get(f"Patient/{id}").json().get("active") is None


def test_two_entries_with_one_full_url_are_refused(fhir):
    same = urn()
    sent = transaction(created(patient(), same), created(patient(), same))
    assert why(fhir.post("", sent), 400) == "full-url-repeated"


def test_updates_and_deletions_make_versions_and_history(fhir):
    updated, gone = fresh(), fresh()
    done(fhir.post("", transaction(put(patient(id=updated)), put(patient(id=gone)))))
    sent = transaction(put(patient(id=updated, active=True)), entry("DELETE", f"Patient/{gone}"))
    assert statuses(done(fhir.post("", sent))) == [200, 204]
    versions = fhir.bundle(f"Patient/{updated}/_history")["entry"]
    assert [one["resource"]["meta"]["versionId"] for one in versions] == ["2", "1"]
    deletion, first = fhir.bundle(f"Patient/{gone}/_history")["entry"]
    assert (deletion["request"]["method"], first["request"]["method"]) == ("DELETE", "PUT")
    again = done(fhir.post("", transaction(put(patient(id=gone)))))
    assert (statuses(again), place(again[0])) == ([201], ("Patient", gone, 3))


def test_an_update_that_changes_nothing_makes_no_version(fhir):
    sent = transaction(put(patient(id=fresh())))
    assert statuses(done(fhir.post("", sent))) == [201]
    again = done(fhir.post("", sent))
    assert (statuses(again), place(again[0])[2]) == ([200], 1)


def test_an_update_for_another_version_fails_all(fhir):
    id, mark = fresh(), fresh()
    fhir.put(f"Patient/{id}", patient(id=id))
    sent = transaction(
        created(patient(identifier=[identifier(mark)])),
        put(patient(id=id, active=True), ifMatch='W/"2"'),
    )
    assert why(fhir.post("", sent), 412) == "version-differs"
    assert fhir.ids(f"Patient?identifier={TEST}|{mark}") == []


@pytest.mark.parametrize("url", ["/Patient", "{base}/Patient"])
def test_a_url_may_be_written_whole_or_with_a_slash(fhir, url):
    sent = transaction(entry("POST", url.format(base=fhir.base), patient()))
    assert statuses(done(fhir.post("", sent))) == [201]


@pytest.mark.parametrize("type", ["collection", "document", "searchset", "history", "message"])
def test_other_bundles_are_not_taken_at_the_base(fhir, type):
    answer = fhir.post("", {"resourceType": "Bundle", "type": type})
    assert why(answer, 422) == "bundle-type-unfit"


def test_what_is_no_bundle_is_not_taken_at_the_base(fhir):
    assert why(fhir.post("", patient()), 422) == "bundle-type-unfit"


@pytest.mark.parametrize("make", [transaction, batch])
def test_an_empty_bundle_is_answered_by_an_empty_one(fhir, make):
    sent = make()
    del sent["entry"]
    answer = fhir.post("", sent)
    assert (answer.status_code, answer.json().get("entry")) == (200, None)


def test_a_bundle_within_a_bundle_is_refused(fhir):
    sent = transaction(entry("POST", "/", transaction(created(patient()))))
    assert why(fhir.post("", sent), 400) == "entry-nested"


def test_a_search_parameter_of_a_transaction_is_in_force_behind_it(fhir):
    code = f"x{fresh()[2:10]}"
    own = {
        "resourceType": "SearchParameter", "url": f"urn:test:{code}", "name": code, "code": code,
        "status": "active", "description": "x", "base": ["Basic"], "type": "token",
        "expression": "Basic.identifier",
    }  # fmt: skip
    done(fhir.post("", transaction(created(own))))
    assert fhir.get(f"Basic?{code}=a", Prefer="handling=strict").status_code == 200
