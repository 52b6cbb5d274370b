"""Conditions within a transaction: none is done twice, and none by the wrong resource.

Spec: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/http.html#ccreate
"""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

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
from tests.api.client import refused
from tests.builders import TEST, fresh, identifier, observation, patient

CALLERS = 8


def criteria(value):
    """Return the criteria that resources with this identifier fulfil."""
    return f"identifier={TEST}|{value}"


def unless(value, full_url=None, **elements):
    """Return the entry that creates a Patient unless one has this identifier."""
    new = patient(identifier=[identifier(value)], **elements)
    return created(new, full_url, ifNoneExist=criteria(value))


def test_the_same_transaction_twice_makes_nothing_twice(fhir):
    value, one = fresh(), urn()
    sent = transaction(unless(value, one), created(about(one), ifNoneExist=criteria(value)))
    sent["entry"][1]["resource"]["identifier"] = [identifier(value)]
    first, second = done(fhir.post("", sent)), done(fhir.post("", sent))
    assert (statuses(first), statuses(second)) == ([201, 201], [200, 200])
    assert [path(one) for one in first] == [path(one) for one in second]
    assert fhir.get(path(second[1])).json()["subject"]["reference"] == path(first[0])


def test_links_to_what_exists_already_mean_that(fhir):
    value, one = fresh(), urn()
    there = fhir.post("Patient", patient(identifier=[identifier(value)])).json()["id"]
    known, told = done(fhir.post("", transaction(unless(value, one), created(about(one)))))
    assert (statuses([known]), path(known)) == ([200], f"Patient/{there}")
    assert fhir.get(path(told)).json()["subject"]["reference"] == f"Patient/{there}"


def test_two_creates_with_equal_criteria_make_one(fhir):
    value, one, other = fresh(), urn(), urn()
    sent = transaction(unless(value, one), unless(value, other), created(about(other)))
    first, second, told = done(fhir.post("", sent))
    assert statuses([first, second]) == [201, 200]
    assert path(first) == path(second)
    assert fhir.get(path(told)).json()["subject"]["reference"] == path(first)
    assert len(fhir.ids(f"Patient?{criteria(value)}")) == 1


def test_criteria_that_several_fulfil_fail_all(fhir):
    value, mark = fresh(), fresh()
    for _ in range(2):
        fhir.post("Patient", patient(identifier=[identifier(value)]))
    sent = transaction(created(patient(identifier=[identifier(mark)])), unless(value))
    assert why(fhir.post("", sent), 412) == "criteria-not-selective"
    assert fhir.ids(f"Patient?{criteria(mark)}") == []


@pytest.mark.parametrize("given", [False, True])
def test_a_conditional_update_finds_or_makes_its_resource(fhir, given):
    value, id = fresh(), fresh()
    new = patient(identifier=[identifier(value)], **({"id": id} if given else {}))
    sent = transaction(entry("PUT", f"Patient?{criteria(value)}", new))
    (first,) = done(fhir.post("", sent))
    sent["entry"][0]["resource"]["active"] = True
    (second,) = done(fhir.post("", sent))
    assert (statuses([first, second]), path(first)) == ([201, 200], path(second))
    assert place(second)[2] == 2
    assert (path(first) == f"Patient/{id}") == given


def test_a_conditional_update_with_the_id_of_another_is_refused(fhir):
    value = fresh()
    fhir.post("Patient", patient(identifier=[identifier(value)]))
    new = patient(id=fresh(), identifier=[identifier(value)])
    sent = transaction(entry("PUT", f"Patient?{criteria(value)}", new))
    assert why(fhir.post("", sent), 400) == "id-differs"


def test_a_conditional_deletion_deletes_what_fulfils_it(fhir):
    value = fresh()
    id = fhir.post("Patient", patient(identifier=[identifier(value)])).json()["id"]
    sent = transaction(entry("DELETE", f"Patient?{criteria(value)}"))
    assert statuses(done(fhir.post("", sent))) == [204]
    assert fhir.get(f"Patient/{id}").status_code == 410
    assert statuses(done(fhir.post("", sent))) == [204]


def test_a_conditional_reference_means_the_one_that_fulfils_it(fhir):
    value = f"{fresh()} 甲"
    id = fhir.post("Patient", patient(identifier=[identifier(value)])).json()["id"]
    (told,) = done(fhir.post("", transaction(created(about(f"Patient?{criteria(quote(value))}")))))
    assert fhir.get(path(told)).json()["subject"]["reference"] == f"Patient/{id}"


def test_a_conditional_reference_may_mean_what_the_transaction_makes(fhir):
    value = fresh()
    sent = transaction(created(about(f"Patient?{criteria(value)}")), unless(value))
    told, person = done(fhir.post("", sent))
    assert fhir.get(path(told)).json()["subject"]["reference"] == path(person)


@pytest.mark.parametrize(
    ("there", "expected"), [(0, "reference-unmatched"), (2, "reference-ambiguous")]
)
def test_a_conditional_reference_to_none_or_several_fails_all(fhir, there, expected):
    value, mark = fresh(), fresh()
    for _ in range(there):
        fhir.post("Patient", patient(identifier=[identifier(value)]))
    sent = transaction(created(patient(identifier=[identifier(mark)])),
                       created(about(f"Patient?{criteria(value)}")))  # fmt: skip
    answer = fhir.post("", sent)
    assert why(answer, 412) == expected
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert fhir.ids(f"Patient?{criteria(mark)}") == []


@pytest.mark.parametrize(
    "reference", ["Patient?", "Patient?nonsense=1", "Nonsense?name=a", "Patient?_sort=name"]
)
def test_a_conditional_reference_without_sense_is_refused(fhir, reference):
    answer = fhir.post("", transaction(created(about(reference))))
    assert answer.status_code in (400, 422)
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[0]")


def test_a_thousand_conditional_creates_by_eight_at_once_make_each_once(fhir):
    values = [fresh() for _ in range(1000)]
    sent = transaction(*map(unless, values))

    def send(_):
        answer = fhir.post("", sent)
        while answer.status_code in (409, 503):
            assert answer.headers["Retry-After"].isdigit()
            answer = fhir.post("", sent)
        return [path(one) for one in done(answer)]

    with ThreadPoolExecutor(CALLERS) as callers:
        first, *others = callers.map(send, range(CALLERS))
    assert all(one == first for one in others)
    for value, known in list(zip(values, first, strict=True))[::97]:
        assert [f"Patient/{id}" for id in fhir.ids(f"Patient?{criteria(value)}")] == [known]
    assert len(set(first)) == len(values)


def test_crossing_transactions_are_done_one_after_the_other(fhir):
    one, other = fresh(), fresh()
    done(fhir.post("", transaction(put(patient(id=one)), put(patient(id=other)))))

    def send(number):
        entries = [put(patient(id=id, multipleBirthInteger=number)) for id in (one, other)]
        answer = fhir.post("", transaction(*(entries if number % 2 else reversed(entries))))
        assert answer.status_code in (200, 409)
        return answer.status_code

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(send, range(1, 41)))
    versions = [fhir.bundle(f"Patient/{id}/_history?_count=100")["entry"] for id in (one, other)]
    numbers = [
        [entry["resource"].get("multipleBirthInteger") for entry in each] for each in versions
    ]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == 1 + answers.count(200)


def test_a_transaction_sees_what_others_did_while_it_waited(fhir):
    id = fresh()
    done(fhir.post("", transaction(put(patient(id=id, multipleBirthInteger=1)))))

    def add(number):
        new = observation(id=f"{id}-{number}", subject={"reference": f"Patient/{id}"})
        update = put(patient(id=id, multipleBirthInteger=number), ifMatch='W/"1"')
        return fhir.post("", transaction(put(new), update)).status_code

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(add, range(2, 2 + CALLERS)))
    assert answers.count(200) == 1
    assert set(answers) <= {200, 409, 412}
    assert len(fhir.ids(f"Observation?subject=Patient/{id}")) == 1


def updated(value, **request):
    """Return the entry that updates the Patient that has this identifier, or creates it."""
    new = patient(identifier=[identifier(value)])
    return entry("PUT", f"Patient?{criteria(value)}", new, **request)


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("first", [unless, updated])
def test_an_update_with_the_criteria_of_another_entry_is_about_the_same(fhir, first, is_there):
    value = fresh()
    if is_there:
        fhir.create(patient(identifier=[identifier(value)]))
    assert why(fhir.post("", transaction(first(value), updated(value))), 400) == "entries-overlap"
    assert len(fhir.ids(f"Patient?{criteria(value)}")) == is_there


def test_a_deletion_of_nothing_does_not_part_creates_with_its_criteria(fhir):
    value = fresh()
    gone = entry("DELETE", f"Patient?{criteria(value)}")
    answered = done(fhir.post("", transaction(gone, unless(value), unless(value))))
    assert statuses(answered) == [204, 201, 200]
    assert len(fhir.ids(f"Patient?{criteria(value)}")) == 1


@pytest.mark.parametrize("by_id", [False, True])
def test_a_conditional_reference_does_not_mean_what_is_deleted(fhir, by_id):
    value = fresh()
    id = fhir.create(patient(identifier=[identifier(value)]))["id"]
    gone = entry("DELETE", f"Patient/{id}" if by_id else f"Patient?{criteria(value)}")
    told = created(about(f"Patient?{criteria(value)}"))
    assert why(fhir.post("", transaction(gone, told)), 412) == "reference-unmatched"
    assert fhir.get(f"Patient/{id}").status_code == 200


def test_an_update_whose_criteria_match_nothing_replaces_nothing(fhir):
    stored = fhir.create(patient(identifier=[identifier(fresh())]))
    other = {**updated(fresh()), "resource": patient(id=stored["id"])}
    assert why(fhir.post("", transaction(other)), 409) == "resource-exists"
    assert fhir.read("Patient", stored["id"]) == stored


def test_criteria_about_what_the_bundle_makes_are_refused(fhir):
    one = urn()
    for told in (
        created(about(one), ifNoneExist=f"subject={quote(one)}"),
        entry("PUT", f"Observation?subject={one}", about(one)),
    ):
        answer = fhir.post("", transaction(created(patient(), one), told))
        assert why(answer, 400) == "criteria-with-link"


UNFIT = [
    ("ifNoneExist", put(patient(id="unfit"), ifNoneExist="identifier=x")),
    ("ifNoneExist", entry("PUT", "Patient?identifier=x", patient(), ifNoneExist="identifier=x")),
    ("ifNoneExist", entry("GET", "Patient/unfit", ifNoneExist="identifier=x")),
    ("ifNoneExist", entry("DELETE", "Patient/unfit", ifNoneExist="identifier=x")),
    ("ifMatch", created(patient(), ifMatch='W/"1"')),
    ("ifMatch", entry("GET", "Patient/unfit", ifMatch='W/"1"')),
]


@pytest.mark.parametrize(("name", "unfit"), UNFIT)
def test_a_condition_that_would_be_passed_over_is_refused_by_name(fhir, name, unfit):
    """https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request.ifNoneExist."""
    value = fresh()
    new = created(patient(identifier=[identifier(value)]))
    (issue,) = refused(fhir.post("", transaction(new, unfit)), 400)
    assert issue["details"]["coding"][0]["code"] == "entry-condition-unfit"
    assert issue["expression"] == [f"Bundle.entry[1].request.{name}"]
    assert fhir.ids(f"Patient?{criteria(value)}") == []
    answers = done(fhir.post("", batch(new, unfit)), "batch")
    assert statuses(answers) == [201, 400]
    assert answers[1]["response"]["outcome"]["issue"][0]["expression"] == issue["expression"]
