"""_include and _revinclude: https://hl7.org/fhir/R4/search.html#include."""

import re
from types import SimpleNamespace

import pytest

from tests.api.client import Client, link, refused
from tests.builders import encounter, fresh, observation, patient


def ref(resource):
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


@pytest.fixture(scope="module")
def ward(server):
    """Two patients of one organization, which is part of another; an encounter; observations."""
    fhir = Client(server)
    mark = fresh()
    tag = {"identifier": [{"system": "urn:test:ward", "value": mark}]}
    made = SimpleNamespace(query=f"identifier=urn:test:ward|{mark}", mark=mark)
    made.trust = fhir.create({"resourceType": "Organization", "name": "总院"})
    made.clinic = fhir.create(
        {"resourceType": "Organization", "name": "分院", "partOf": ref(made.trust)}
    )
    made.patients = [
        fhir.create(patient(**tag, managingOrganization=ref(made.clinic))) for _ in range(2)
    ]
    made.visit = fhir.create(encounter(subject=ref(made.patients[0])))
    made.observations = [
        fhir.create(observation(**tag, subject=ref(one), encounter=ref(made.visit)))
        for one in (made.patients[0], made.patients[0], made.patients[1])
    ]
    fhir.session.close()
    return made


def by_mode(bundle):
    """Return the Type/id of the entries by their search mode, each in order."""
    found = {}
    for entry in bundle.get("entry", []):
        one = entry["resource"]
        if entry["search"]["mode"] != "outcome":
            assert entry["fullUrl"].endswith(f"/{one['resourceType']}/{one['id']}")
        name = f"{one['resourceType']}/{one.get('id', '')}"
        found.setdefault(entry["search"]["mode"], []).append(name)
    return found


def names(*resources):
    return sorted(ref(one)["reference"] for one in resources)


def test_what_matches_refer_to_comes_with_them(fhir, ward):
    bundle = fhir.bundle(f"Observation?{ward.query}&_include=Observation:subject")
    found = by_mode(bundle)
    assert sorted(found["match"]) == names(*ward.observations)
    assert sorted(found["include"]) == names(*ward.patients)
    assert bundle["total"] == 3
    modes = [entry["search"]["mode"] for entry in bundle["entry"]]
    assert modes == ["match"] * 3 + ["include"] * 2
    assert [entry["resource"] for entry in bundle["entry"][3:]] == [
        fhir.read("Patient", entry["resource"]["id"]) for entry in bundle["entry"][3:]
    ]


def test_what_refers_to_matches_comes_with_them(fhir, ward):
    asked = "_revinclude=Observation:subject&_revinclude=Encounter:patient"
    found = by_mode(fhir.bundle(f"Patient?{ward.query}&{asked}"))
    assert sorted(found["match"]) == names(*ward.patients)
    assert sorted(found["include"]) == names(*ward.observations, ward.visit)


@pytest.mark.parametrize("everything", ["_revinclude=*", "_revinclude=Observation:*"])
def test_all_that_refers_comes_with_a_wild_card(fhir, ward, everything):
    found = by_mode(fhir.bundle(f"Patient?{ward.query}&{everything}"))
    assert set(names(*ward.observations)) <= set(found["include"])
    assert (names(ward.visit)[0] in found["include"]) == (everything == "_revinclude=*")


def test_iterate_goes_on_from_what_was_included(fhir, ward):
    query = f"Observation?{ward.query}&_include=Observation:subject"
    more = "&_include:iterate=Patient:organization&_include:iterate=Organization:partof"
    found = by_mode(fhir.bundle(query + more))
    assert sorted(found["include"]) == names(*ward.patients, ward.clinic, ward.trust)
    only = by_mode(fhir.bundle(f"Patient?{ward.query}&_include=Patient:organization"))
    assert only["include"] == names(ward.clinic)


def test_each_page_stands_alone(fhir, ward):
    pages = fhir.pages(f"Observation?{ward.query}&_include=Observation:subject&_count=1")
    assert len(pages) == 3
    for page in pages:
        found = by_mode(page)
        (match,) = found["match"]
        subject = fhir.read(*match.split("/"))["subject"]["reference"]
        assert found["include"] == [subject]


def test_a_deleted_target_is_absent(fhir):
    mark = fresh()
    gone = fhir.create(patient())
    fhir.create(observation(subject=ref(gone), identifier=[{"value": mark}]))
    fhir.delete(ref(gone)["reference"])
    found = by_mode(fhir.bundle(f"Observation?identifier={mark}&_include=Observation:subject"))
    assert len(found["match"]) == 1
    assert "include" not in found


def test_the_self_link_says_what_was_included(fhir, ward):
    bundle = fhir.bundle(f"Patient?{ward.query}&_revinclude=Observation:subject")
    assert "_revinclude=Observation%3Asubject" in link(bundle, "self")
    again = fhir.bundle(link(bundle, "self").removeprefix(f"{fhir.base}/"))
    assert by_mode(again) == by_mode(bundle)


def test_no_matches_include_nothing(fhir, ward):
    bundle = fhir.bundle(f"Patient?identifier={fresh()}&_revinclude=*&_include=*")
    assert "entry" not in bundle
    bundle = fhir.bundle(f"Patient?{ward.query}&_revinclude=*&_count=0")
    assert (bundle["total"], bundle.get("entry")) == (2, None)


def test_what_is_included_is_shown_as_its_match_is(fhir, ward):
    query = f"Observation?{ward.query}&_include=Observation:subject"
    for entry in fhir.bundle(f"{query}&_summary=true")["entry"]:
        assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"
    refused(fhir.get(f"{query}&_summary=text"), 400)


def test_several_types_include_at_once(fhir, ward):
    ids = ",".join([ward.clinic["id"], ward.visit["id"]])
    query = f"?_type=Organization,Encounter&_id={ids}"
    found = by_mode(fhir.bundle(f"{query}&_include=Organization:partof&_include=*"))
    assert sorted(found["match"]) == names(ward.clinic, ward.visit)
    assert sorted(found["include"]) == names(ward.trust, ward.patients[0])


@pytest.mark.parametrize(
    "parameter",
    [
        "_include=Observation:nothing",
        "_include=Observation:code",
        "_include=Nothing:subject",
        "_include=Patient:organization",
        "_include=Observation:encounter:Patient",
        "_include:recurse=Observation:has-member",
        "_revinclude=Encounter:part-of",
    ],
)
def test_what_leads_nowhere_is_refused_unless_the_caller_is_lenient(fhir, ward, parameter):
    issues = refused(fhir.get(f"Observation?{ward.query}&{parameter}"), 400)
    assert len(issues) == 1
    answer = fhir.get(f"Observation?{ward.query}&{parameter}", Prefer="handling=lenient")
    assert answer.status_code == 200
    found = by_mode(answer.json())
    assert len(found["match"]) == 3
    assert len(found["outcome"]) == 1
    assert "include" not in found
    assert "include" not in link(answer.json(), "self")


@pytest.mark.parametrize(
    "value", ["", "$where", "Observation", "Observation:subject,*", "*:*", "%00", "a" * 5000]
)
def test_a_malformed_value_is_refused(fhir, value):
    issues = refused(fhir.get(f"Observation?_include={value}"), 400)
    assert len(issues) == 1


def test_the_same_include_a_hundred_times_is_one(fhir, ward):
    many = "&_include=Observation:subject" * 100
    found = by_mode(fhir.bundle(f"Observation?{ward.query}{many}"))
    assert sorted(found["include"]) == names(*ward.patients)


def test_a_circle_ends(fhir):
    mark = fresh()
    first = fhir.create(patient(identifier=[{"value": mark}]))
    second = fhir.create(patient(link=[{"other": ref(first), "type": "seealso"}]))
    fhir.update({**first, "link": [{"other": ref(second), "type": "seealso"}]})
    asked = "_include:iterate=Patient:link&_revinclude:iterate=Patient:link"
    found = by_mode(fhir.bundle(f"Patient?identifier={mark}&{asked}"))
    assert found == {"match": names(first), "include": names(second)}


@pytest.fixture(scope="module")
def archive(server):
    """Two patients with documents of 4 MB each: five of the first, nine of the second."""
    fhir = Client(server)
    mark = fresh()
    people = [fhir.create(patient(identifier=[{"value": mark}])) for _ in range(2)]
    content = [{"attachment": {"contentType": "text/plain", "data": "AAAA" * 1_000_000}}]
    for one, number in zip(people, (5, 9), strict=True):
        for _ in range(number):
            document = {"resourceType": "DocumentReference", "status": "current"}
            fhir.create({**document, "subject": ref(one), "content": content})
    fhir.session.close()
    return SimpleNamespace(mark=mark, people=people)


def test_a_page_that_would_be_too_large_has_fewer_matches(fhir, archive):
    query = f"Patient?identifier={archive.mark}&_revinclude=DocumentReference:subject&_sort=_id"
    pages = fhir.pages(query)
    assert [len(by_mode(page)["match"]) for page in pages] == [1, 1]
    assert {name for page in pages for name in by_mode(page)["match"]} == set(
        names(*archive.people)
    )
    first = next(page for page in pages if by_mode(page)["match"] == names(archive.people[0]))
    assert len(by_mode(first)["include"]) == 5
    assert "outcome" not in by_mode(first)


def test_what_is_too_much_for_one_match_is_said_with_a_search_that_finds_it(english, archive):
    id = archive.people[1]["id"]
    bundle = english.bundle(f"Patient?_id={id}&_revinclude=DocumentReference:subject")
    found = by_mode(bundle)
    assert len(found["include"]) == 7
    (outcome,) = (e["resource"] for e in bundle["entry"] if e["search"]["mode"] == "outcome")
    (issue,) = outcome["issue"]
    assert (issue["severity"], issue["code"]) == ("warning", "too-costly")
    example = re.search(r"for example (\S+)\.\Z", issue["details"]["text"])[1]
    every = [name for page in english.pages(f"{example}&_elements=id") for name in page["entry"]]
    assert len(every) == 9
