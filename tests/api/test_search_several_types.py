"""Search across types, within compartments, and through Lists.

Spec: https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/compartmentdefinition.html,
https://hl7.org/fhir/R4/search.html#list
"""

from types import SimpleNamespace

import pytest

from tests.api.client import Client, link, refused
from tests.builders import encounter, fresh, observation, patient


@pytest.fixture(scope="module")
def world(server):
    fhir = Client(server)
    tag = fresh()
    tagged = {"meta": {"tag": [{"system": "urn:test:tag", "code": tag}]}}
    one, other = (fhir.create(patient(**tagged)) for _ in range(2))
    subject = {"reference": f"Patient/{one['id']}"}
    made = SimpleNamespace(tag=tag, one=one, other=other)
    made.visit = fhir.create(encounter(subject=subject, **tagged))
    made.seen = [
        fhir.create(observation(subject=subject, encounter={"reference": ref}, **tagged))
        for ref in [f"Encounter/{made.visit['id']}"] * 5
    ]
    made.own = fhir.create(
        observation(performer=[subject], subject={"reference": f"Patient/{other['id']}"}, **tagged)
    )
    yield made
    fhir.session.close()


def keys(pages):
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for page in pages
        for entry in page.get("entry", [])
    ]


def all_of(world):
    made = [world.one, world.other, world.visit, *world.seen, world.own]
    return [f"{one['resourceType']}/{one['id']}" for one in made]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 100])
def test_all_types_are_searched_page_by_page(fhir, world, count):
    pages = fhir.pages(f"?_tag={world.tag}&_count={count}")
    assert sorted(keys(pages)) == sorted(all_of(world))
    assert all(len(page["entry"]) <= count for page in pages)


@pytest.mark.parametrize("count", [1, 2, 3, 100])
@pytest.mark.parametrize("direction", ["", "-"])
def test_types_come_in_one_order(fhir, world, direction, count):
    path = f"?_tag={world.tag}&_type=Patient,Observation&_sort={direction}_lastUpdated"
    pages = fhir.pages(f"{path}&_count={count}")
    times = [e["resource"]["meta"]["lastUpdated"] for page in pages for e in page["entry"]]
    assert times == sorted(times, reverse=bool(direction))
    wanted = [key for key in all_of(world) if not key.startswith("Encounter")]
    assert sorted(keys(pages)) == sorted(wanted)


def test_equal_ids_of_two_types_are_both_found(fhir):
    id = fresh()
    for type in ("Basic", "Patient", "Observation"):
        body = {"Basic": {"resourceType": "Basic", "code": {"text": "x"}}, "Patient": patient()}
        fhir.update({**body.get(type, observation()), "id": id})
    for order in ("_id", "-_id", "_lastUpdated", "-_lastUpdated"):
        pages = fhir.pages(f"?_id={id}&_sort={order}&_count=1")
        assert sorted(keys(pages)) == [f"Basic/{id}", f"Observation/{id}", f"Patient/{id}"]


def test_the_total_of_all_types(fhir, world):
    bundle = fhir.bundle(f"?_tag={world.tag}&_total=accurate&_count=2")
    assert bundle["total"] == 9
    assert fhir.bundle(f"?_tag={world.tag}&_summary=count")["total"] == 9
    assert "_tag=" in link(bundle, "self")


def test_search_of_all_types_by_post(fhir, world):
    form = f"_tag={world.tag}&_type=Encounter".encode()
    answer = fhir.post("_search", form, Content_Type="application/x-www-form-urlencoded")
    assert keys([answer.json()]) == [f"Encounter/{world.visit['id']}"]


@pytest.mark.parametrize(
    "query", ["_type=Nonsense", "_type=Patient,", "_type=", "family=a", "_sort=family",
              "_type=Patient,Observation&code=a", "_type=Patient,Observation&_sort=code"],
)  # fmt: skip
def test_what_is_not_common_to_all_types_is_refused(fhir, world, query):
    refused(fhir.get(f"?{query}"), 400)


def test_a_type_of_which_nothing_was_ever_stored_is_empty(fhir):
    assert keys([fhir.bundle("?_type=TestScript")]) == []


def test_what_is_not_understood_is_refused_of_a_type_that_was_never_stored(fhir):
    assert fhir.bundle("?_type=TestScript&_summary=count")["total"] == 0
    refused(fhir.get("?_type=TestScript&nonsense=1"), 400)


def test_a_patient_compartment_of_one_type(fhir, world):
    path = f"Patient/{world.one['id']}/Observation"
    wanted = {one["id"] for one in [*world.seen, world.own]}
    assert set(fhir.ids(f"{path}?_tag={world.tag}")) == wanted, "subject or performer"
    assert fhir.ids(f"{path}?_tag={fresh()}") == []
    pages = fhir.pages(f"{path}?_count=2")
    assert len(keys(pages)) == 6


def test_a_patient_compartment_of_all_types(fhir, world):
    pages = fhir.pages(f"Patient/{world.one['id']}/*?_count=3")
    wanted = [key for key in all_of(world) if key != f"Patient/{world.other['id']}"]
    assert sorted(keys(pages)) == sorted(wanted)


def test_a_compartment_of_the_types_that_are_named(fhir, world):
    path = f"Patient/{world.one['id']}/*?_count=3"
    wanted = [key for key in all_of(world) if key.startswith("Observation/")]
    assert sorted(keys(fhir.pages(f"{path}&_type=Observation"))) == sorted(wanted)
    both = keys(fhir.pages(f"{path}&_type=Encounter,Patient"))
    assert both == [f"Encounter/{world.visit['id']}", f"Patient/{world.one['id']}"]
    for wrong in ("Nonsense", "", "Patient,", "Location"):
        refused(fhir.get(f"{path}&_type={wrong}"), 400)


def test_a_compartment_by_post(fhir, world):
    answer = fhir.post(
        f"Patient/{world.one['id']}/Encounter/_search",
        b"status=finished",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert keys([answer.json()]) == [f"Encounter/{world.visit['id']}"]


def test_an_encounter_compartment(fhir, world):
    found = fhir.ids(f"Encounter/{world.visit['id']}/Observation")
    assert sorted(found) == sorted(one["id"] for one in world.seen)


@pytest.mark.parametrize("owner", ["Practitioner", "RelatedPerson", "Device"])
def test_the_other_compartments(fhir, owner):
    made = fhir.create(
        {"resourceType": owner}
        | ({"patient": {"display": "x"}} if owner == "RelatedPerson" else {})
    )
    code = {"Device": "subject"}.get(owner, "performer")
    reference = {"reference": f"{owner}/{made['id']}"}
    seen = fhir.create(observation(**{code: reference if owner == "Device" else [reference]}))
    if owner == "Device":
        refused(fhir.get(f"{owner}/{made['id']}/Patient"), 400)
    assert fhir.ids(f"{owner}/{made['id']}/Observation") == [seen["id"]]
    pages = fhir.pages(f"{owner}/{made['id']}/*")
    assert sorted(keys(pages)) == sorted([f"Observation/{seen['id']}", f"{owner}/{made['id']}"])


@pytest.mark.parametrize(
    ("path", "status"),
    [("Observation/a/Patient", 404), ("Patient/a/Nonsense", 404), ("Patient/a/Location", 400),
     ("Patient/a/Observation?nonsense=1", 400), ("Patient/a..b/Observation", 400)],
)  # fmt: skip
def test_what_is_in_no_compartment_is_refused(fhir, path, status):
    refused(fhir.get(path), status)


def test_a_list_names_its_items(fhir, world):
    items = [*world.seen[:2], world.other]
    made = fhir.create(
        {
            "resourceType": "List",
            "status": "current",
            "mode": "working",
            "entry": [
                *({"item": {"reference": f"{i['resourceType']}/{i['id']}"}} for i in items),
                {"item": {"reference": f"Observation/{world.seen[3]['id']}"}, "deleted": True},
            ],
        }
    )
    assert set(fhir.ids(f"Observation?_list={made['id']}")) == {i["id"] for i in items[:2]}
    assert fhir.ids(f"Patient?_list={made['id']}") == [world.other["id"]]
    assert fhir.ids(f"Patient?_list={fresh()}") == []
    refused(fhir.get("Patient?_list=$current-problems"), 400)


def test_what_is_ignored_for_one_type_is_ignored_for_all(fhir, world):
    path = f"?_type=Patient,Observation&_tag={world.tag}&birthdate=1990"
    refused(fhir.get(path), 400)
    bundle = fhir.get(path, Prefer="handling=lenient").json()
    outcome = bundle["entry"][-1]
    assert outcome["search"]["mode"] == "outcome"
    assert "birthdate" in outcome["resource"]["issue"][0]["details"]["text"]
    assert "birthdate" not in link(bundle, "self")
    assert len(bundle["entry"]) == 9
