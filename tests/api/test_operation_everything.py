"""$everything: all of a record, each resource once, whatever the pages.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api import records
from tests.api.client import Client, link, refused
from tests.api.records import by_mode, name, names, ref
from tests.builders import fresh, observation, patient

TYPES = ("Patient", "Encounter", "Observation", "MedicationRequest", "Practitioner", "Location")


@pytest.fixture(scope="module")
def record(server):
    fhir = Client(server)
    yield records.stored(fhir)
    fhir.session.close()


@pytest.fixture(scope="module")
def client(server):
    """A client of the whole module, for what is asked many times over."""
    fhir = Client(server)
    yield fhir
    fhir.session.close()


def test_the_record_of_a_patient_comes_whole_with_what_supports_it(fhir, record):
    bundle = fhir.bundle(record.path)
    found = by_mode(bundle)
    assert sorted(found["match"]) == names(*record.inside)
    assert sorted(found["include"]) == names(*record.beside)
    assert found["match"][0] == name(record.patient), "the patient comes first"
    assert bundle["total"] == len(record.inside)
    assert link(bundle, "next") is None


def test_an_entry_is_what_a_read_shows(fhir, record):
    for entry in fhir.bundle(record.path)["entry"]:
        one = entry["resource"]
        assert one == fhir.read(one["resourceType"], one["id"])


@pytest.mark.parametrize("count", [1, 2, 7, 13, 14, 19, 20, 1000])
def test_all_pages_together_are_the_record(fhir, record, count):
    pages = fhir.pages(f"{record.path}?_count={count}")
    found = by_mode(*pages)
    assert sorted(found["match"]) == names(*record.inside)
    assert sorted(found["include"]) == names(*record.beside)
    assert all(len(page["entry"]) == count for page in pages[:-1])
    assert all("total" not in page for page in pages if len(pages) > 1)


@settings(max_examples=25)
@given(
    count=st.integers(1, 25),
    types=st.sets(st.sampled_from(TYPES)),
    since=st.sampled_from([None, "order", "mother"]),
)
def test_every_record_is_the_same_whatever_the_pages(client, record, count, types, since):
    moment = vars(record)[since]["meta"]["lastUpdated"] if since else None
    query = [f"_type={','.join(sorted(types))}"] if types else []
    query += [f"_since={quote(moment)}"] if moment else []
    pages = client.pages(f"{record.path}?{'&'.join([f'_count={count}', *query])}")
    wanted = [
        one
        for one in (*record.inside, *record.beside)
        if (not types or one["resourceType"] in types)
        and (moment is None or one["meta"]["lastUpdated"] >= moment)
    ]
    found = by_mode(*pages)
    assert sorted(found["match"] + found["include"]) == names(*wanted)


@pytest.mark.parametrize(
    ("query", "years"),
    [
        ("start=2024", {"2024"}),
        ("start=2024-05-10", {"2024"}),
        ("start=2024-05-11", set()),
        ("end=2024-05-09", {"2023"}),
        ("end=2023-05", {"2023"}),
        ("end=2023-05-09", set()),
        ("start=2023-05-10&end=2023-05-10", {"2023"}),
        ("start=2023&end=2024", {"2023", "2024"}),
        ("start=2024-06-01&end=2024", set()),
    ],
)
def test_dates_of_care_limit_it(fhir, record, query, years):
    found = by_mode(fhir.bundle(f"{record.path}?{query}&_type=Observation,Encounter"))["match"]
    wanted = [
        one
        for one in (*record.measured, *record.visits)
        if (one.get("effectiveDateTime") or one["period"]["start"])[:4] in years
    ]
    assert sorted(found) == names(*wanted)


def test_what_has_no_date_of_care_belongs_to_all_times(fhir, record):
    found = by_mode(fhir.bundle(f"{record.path}?start=2025"))["match"]
    assert sorted(found) == names(record.patient, record.undated)


def test_what_lasts_into_the_dates_of_care_is_of_them(fhir):
    somebody = fhir.create(patient())
    lasting = observation(
        subject=ref(somebody), effectivePeriod={"start": "2020-01-01", "end": "2024-06-01"}
    )
    del lasting["effectiveDateTime"]
    made = fhir.create(lasting)
    path = f"{name(somebody)}/$everything?_type=Observation"
    for query in ("start=2022&end=2022", "start=2024-06-01", "end=2020-01-01"):
        assert by_mode(fhir.bundle(f"{path}&{query}"))["match"] == [name(made)], query
    for query in ("start=2024-06-02", "end=2019"):
        assert by_mode(fhir.bundle(f"{path}&{query}"))["match"] == [], query


def test_what_lies_outside_the_dates_comes_if_it_is_referred_to(fhir, record):
    found = by_mode(fhir.bundle(f"{record.path}?start=2024&_type=DiagnosticReport,Observation"))
    assert sorted(found["include"]) == names(*record.measured[:2])
    assert set(found["match"]).isdisjoint(found["include"])


def test_since_counts_the_time_of_storing(fhir):
    somebody = fhir.create(patient())
    doctor = fhir.create({"resourceType": "Practitioner", "name": [{"text": "医生甲"}]})
    old, new = (
        fhir.create(observation(subject=ref(somebody), performer=[ref(doctor)])) for _ in range(2)
    )
    moment = fhir.update({**new, "status": "amended"})["meta"]["lastUpdated"]
    path = f"{name(somebody)}/$everything?_since={quote(moment)}"
    assert by_mode(fhir.bundle(path)) == {"match": [name(new)], "include": []}
    doctor = fhir.update({**doctor, "gender": "female"})
    found = by_mode(fhir.bundle(path))
    assert found["include"] == [name(doctor)], "what refers to it is older, and counts"
    assert name(old) not in found["match"]


def test_a_supporting_type_alone(fhir, record):
    found = by_mode(*fhir.pages(f"{record.path}?_type=Practitioner&_count=1"))
    assert found == {"match": [], "include": names(record.doctor, record.nurse)}


def test_a_patient_without_anything_is_a_record_too(fhir):
    made = fhir.create(patient())
    bundle = fhir.bundle(f"{name(made)}/$everything")
    assert by_mode(bundle) == {"match": [name(made)], "include": []}
    assert bundle["total"] == 1


def test_nothing_of_another_patient_is_followed(fhir, record):
    somebody = fhir.create(patient(link=[{"other": ref(record.mother), "type": "seealso"}]))
    about = fhir.create(observation(subject=ref(somebody), derivedFrom=[ref(record.of_mother)]))
    found = by_mode(fhir.bundle(f"{name(somebody)}/$everything"))
    assert sorted(found["match"] + found["include"]) == names(somebody, about)


def test_a_reference_anywhere_in_a_resource_is_followed(fhir):
    unit = fhir.create({"resourceType": "Organization", "name": "转出医院"})
    somebody = fhir.create(
        patient(
            extension=[{"url": "urn:test:of", "valueReference": {"reference": name(unit)}}],
            contact=[{"name": {"text": '"reference":"Organization/none"'}}],
        )
    )
    assert by_mode(fhir.bundle(f"{name(somebody)}/$everything"))["include"] == [name(unit)]


def test_what_is_deleted_is_no_more_of_the_record(fhir, record):
    somebody = fhir.create(patient())
    made = fhir.create(observation(subject=ref(somebody)))
    fhir.delete(name(made))
    assert by_mode(fhir.bundle(f"{name(somebody)}/$everything"))["match"] == [name(somebody)]
    fhir.delete(name(somebody))
    refused(fhir.get(f"{name(somebody)}/$everything"), 410)
    refused(fhir.get(f"Patient/{fresh()}/$everything"), 404)


def test_pages_go_on_while_others_write(fhir):
    somebody = fhir.create(patient())
    before = [fhir.create(observation(subject=ref(somebody))) for _ in range(6)]
    bundle = fhir.bundle(f"{name(somebody)}/$everything?_count=2")
    seen = by_mode(bundle)["match"]
    while (following := link(bundle, "next")) is not None:
        fhir.create(observation(subject=ref(somebody)))
        fhir.update({**before[0], "status": "amended", "effectiveDateTime": "2030-01-01"})
        bundle = fhir.bundle(following.removeprefix(f"{fhir.base}/"))
        seen += by_mode(bundle)["match"]
        assert len(seen) < 40
        if len(seen) > 12:
            break
    assert set(names(*before)) <= set(seen)
    assert len(set(seen)) == len(seen)


def test_next_links_keep_what_was_asked(fhir, record):
    pages = fhir.pages(f"{record.path}?_count=2&start=2024&_type=Observation&_format=json")
    for page in pages[:-1]:
        assert all(part in link(page, "next") for part in ("start=2024", "_format=json"))
        assert f"{record.path}?" in link(page, "next")
    assert sorted(by_mode(*pages)["match"]) == names(*record.measured[3:])


def test_the_same_by_post(fhir, record):
    asked = [
        {"name": "start", "valueDate": "2024"},
        {"name": "_type", "valueCode": "Observation"},
        {"name": "_type", "valueCode": "Encounter"},
        {"name": "_count", "valueInteger": 2},
    ]
    answer = fhir.post(record.path, {"resourceType": "Parameters", "parameter": asked})
    assert answer.status_code == 200
    pages = [answer.json()]
    while (following := link(pages[-1], "next")) is not None:
        pages.append(fhir.bundle(following.removeprefix(f"{fhir.base}/")))
    assert sorted(by_mode(*pages)["match"]) == names(record.visits[1], *record.measured[3:])


def test_the_same_within_a_batch(fhir, record):
    entry = {"request": {"method": "GET", "url": record.path}}
    answer = fhir.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert answer.status_code == 200, answer.text
    found = by_mode(answer.json()["entry"][0]["resource"])
    assert sorted(found["match"]) == names(*record.inside)


def test_the_record_of_an_encounter(fhir, record):
    visit = record.visits[1]
    found = by_mode(fhir.bundle(f"{name(visit)}/$everything"))
    assert sorted(found["match"]) == names(visit, *record.measured[3:], record.order)
    supporting = (record.patient, record.doctor, record.nurse, record.ward, record.drug)
    assert sorted(found["include"]) == names(*supporting)
    again = by_mode(*fhir.pages(f"{name(visit)}/$everything?_count=2"))
    assert {mode: sorted(one) for mode, one in again.items()} == {
        mode: sorted(one) for mode, one in found.items()
    }


@pytest.mark.parametrize(
    "query",
    [
        "start=2024-13", "start=20240101", "start=yesterday", "start=2024-01-01T00:00:00Z",
        "start=", "end=2024-02-30", "start=2025&end=2024", "start=2024-05-02&end=2024-05-01",
        "_since=now", "_since=", "_type=Nothing", "_type=", "_type=Observation,,Patient",
        "_type=observation", "_count=-1", "_count=x", "_count=1.5", "_count=1&_count=2",
        "start=2024&start=2025", "_cursor=x", "_sort=date", "patient=x", "_elements=id",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(fhir, record, query):
    refused(fhir.get(f"{record.path}?{query}"), 400)


@pytest.mark.parametrize("count", ["1000", "99999", "9" * 400])
def test_a_huge_page_is_the_largest_there_is(fhir, record, count):
    assert fhir.bundle(f"{record.path}?_count={count}")["total"] == len(record.inside)


def test_a_link_leads_on_in_its_own_question_only(fhir, record):
    cursor = link(fhir.bundle(f"{record.path}?_count=2"), "next").partition("_cursor=")[2]
    refused(fhir.get(f"{name(record.mother)}/$everything?_cursor={cursor}"), 400)
    refused(fhir.get(f"{record.path}?_type=Patient&_cursor={cursor}"), 400)
    refused(fhir.get(f"Patient?_cursor={cursor}"), 400)


def test_it_is_had_of_patients_and_encounters_alone(fhir, record):
    refused(fhir.get(f"{name(record.measured[0])}/$everything"), 404)
    refused(fhir.get("Encounter/$everything"), 404)
    refused(fhir.get(f"{name(record.visits[0])}/$everything?start=2024"), 400)


def test_the_capabilities_tell_of_it(fhir):
    rest = fhir.get("metadata").json()["rest"][0]
    offered = {one["type"]: one.get("operation", []) for one in rest["resource"]}
    for type in ("Patient", "Encounter"):
        assert any(one["name"] == "everything" for one in offered[type])
