"""$lastn: the latest observations of each code.

Spec: https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.client import Client, refused
from tests.api.records import by_mode, concept, name, ref
from tests.builders import fresh, observation, patient

LAB = [concept("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category")]
DAYS = ("2024-05-01", "2024-05-02", "2024-05-03", "2024-05-03T08:00:00+08:00", "2024", None)
CODES = (
    concept("a"), concept("b"), concept("c"), concept("a", "urn:test:other"),
    {"coding": [*concept("a")["coding"], *concept("b")["coding"]]},
    {"coding": [*concept("c")["coding"], *concept("d", "urn:test:other")["coding"]]},
    {"coding": [{"code": "a"}]}, {"text": "血压"}, {"text": "血压 "}, {"text": "a"},
    concept("a|b"), concept("d", "urn:test:other", text="血压"),
)  # fmt: skip
START = {"2024": "2024-01-01T00:00", "2024-05-03T08:00:00+08:00": "2024-05-03T08:00"}


@pytest.fixture(scope="module")
def client(server):
    fhir = Client(server)
    yield fhir
    fhir.session.close()


def seen(day=None, **elements):
    """Return an observation in the laboratory, without a date unless one is given."""
    made = observation(category=LAB, **elements)
    del made["effectiveDateTime"]
    return {**made, "effectiveDateTime": day} if day else made


def of(fhir, somebody, query=""):
    return fhir.bundle(f"Observation/$lastn?patient={name(somebody)}&category=laboratory{query}")


def codes(concept):
    return {(one.get("system"), one["code"]) for one in concept.get("coding", ())}


def together(made):
    """Return lists of observations whose codes are equal, found by joining what has one alike."""
    groups = []
    for one in made:
        mine = codes(one["code"]) or {("text", one["code"]["text"])}
        alike = [group for group in groups if group[0] & mine]
        groups = [group for group in groups if group not in alike]
        keys = mine.union(*(group[0] for group in alike))
        groups.append((keys, [*(each for group in alike for each in group[1]), one]))
    return [group for _, group in groups]


def lateness(one):
    day = one.get("effectiveDateTime")
    return START.get(day, f"{day}T00:00") if day else ""


def wanted(made, most):
    """Return the ids of those that the specification's words choose."""
    found = set()
    for group in together(made):
        times = sorted(map(lateness, group), reverse=True)
        last = times[min(most, len(times)) - 1]
        found |= {one["id"] for one in group if lateness(one) >= last}
    return found


@settings(max_examples=15)
@given(
    rows=st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(DAYS)), max_size=14),
    most=st.integers(1, 4),
)
def test_the_latest_of_each_code_are_found(client, rows, most):
    somebody = client.create(patient())
    made = [client.create(seen(day, code=code, subject=ref(somebody))) for code, day in rows]
    bundle = of(client, somebody, f"&max={most}")
    found = [entry["resource"] for entry in bundle.get("entry", [])]
    assert {one["id"] for one in found} == wanted(made, most)
    assert bundle["total"] == len(found) == len({one["id"] for one in found})
    assert [lateness(one) for one in found] == sorted(map(lateness, found), reverse=True)


@pytest.mark.parametrize(
    ("codes", "number"),
    [
        ([concept("a"), concept("b"), concept("c")], 3),
        ([concept("a"), concept("b"), {"coding": [*concept("a")["coding"],
                                                  *concept("c")["coding"]]}], 2),
        ([concept("a"), concept("b"), {"coding": [*concept("a")["coding"],
                                                  *concept("b")["coding"]]}], 1),
        ([{"text": "textM"}, {"text": "Text"}, {"text": "t e x t"}], 3),
    ],
)  # fmt: skip
def test_the_groups_of_the_specification(fhir, codes, number):
    """The table in https://hl7.org/fhir/R4/observation-operation-lastn.html."""
    somebody = fhir.create(patient())
    for day, code in enumerate(codes, 1):
        fhir.create(seen(f"2024-05-0{day}", code=code, subject=ref(somebody)))
    assert of(fhir, somebody)["total"] == number


def test_without_max_only_the_latest_comes(fhir):
    somebody = fhir.create(patient())
    made = [fhir.create(seen(day, subject=ref(somebody))) for day in DAYS[:3]]
    assert by_mode(of(fhir, somebody))["match"] == [name(made[2])]


def test_other_search_parameters_filter_before_the_latest_are_chosen(fhir):
    somebody = fhir.create(patient())
    old, new = (fhir.create(seen(day, subject=ref(somebody))) for day in DAYS[:2])
    fhir.update({**new, "status": "entered-in-error"})
    assert by_mode(of(fhir, somebody))["match"] == [name(new)], "as the specification has it"
    assert by_mode(of(fhir, somebody, "&status=final"))["match"] == [name(old)]
    assert by_mode(of(fhir, somebody, "&date=lt2024-05-02"))["match"] == [name(old)]
    assert by_mode(of(fhir, somebody, "&status:not=final&_tag:not=x"))["match"] == [name(new)]


@pytest.mark.parametrize(
    "query",
    [
        "patient={id}&code=8310-5", "patient=Patient/{id}&code=8310-5",
        "subject=Patient/{id}&category=laboratory", "subject:Patient={id}&combo-code=8310-5",
        "patient.identifier={mark}&code=8310-5",
        "patient={id}&code-value-quantity=8310-5$gt30&max=3",
    ],
)  # fmt: skip
def test_a_subject_and_what_is_meant_can_be_named_in_many_ways(fhir, query):
    mark = fresh()
    somebody = fhir.create(patient(identifier=[{"value": mark}]))
    made = fhir.create(seen("2024-05-01", subject=ref(somebody)))
    path = f"Observation/$lastn?{query.format(id=somebody['id'], mark=mark)}"
    assert by_mode(fhir.bundle(path))["match"] == [name(made)]


def test_the_same_by_post(fhir):
    somebody = fhir.create(patient())
    made = [fhir.create(seen(day, subject=ref(somebody))) for day in DAYS[:3]]
    asked = [
        {"name": "max", "valuePositiveInt": 2},
        {"name": "patient", "valueString": somebody["id"]},
        {"name": "category", "valueString": "laboratory"},
    ]
    parameters = {"resourceType": "Parameters", "parameter": asked}
    form = f"max=2&patient={somebody['id']}&category=laboratory"
    kind = "application/x-www-form-urlencoded"
    for answer in (
        fhir.post("Observation/$lastn", parameters),
        fhir.post("Observation/$lastn", form.encode(), Content_Type=kind),
    ):
        assert answer.status_code == 200, answer.text
        assert by_mode(answer.json())["match"] == [name(made[2]), name(made[1])]


def test_nothing_found_is_an_empty_answer(fhir):
    bundle = of(fhir, fhir.create(patient()))
    assert bundle["total"] == 0
    assert "entry" not in bundle


@pytest.mark.parametrize(
    "query",
    [
        "", "code=8310-5", "category=laboratory", "patient=a", "patient=&code=8310-5",
        "patient=a&code=", "patient:missing=false&code=8310-5", "patient=a&code:not=8310-5",
        "patient=a&value-quantity=gt1", "patient=a&code=x&max=0", "patient=a&code=x&max=-1",
        "patient=a&code=x&max=1.5", "patient=a&code=x&max=many", "patient=a&code=x&max=",
        "patient=a&code=x&max=1&max=2", "patient=a&code=x&max=99999999999", "patient=a&code=x&x=y",
        "patient=a&code=x&_sort=date", "patient=a&code=x&_include=Observation:subject",
        "patient=a&code=x&date=never",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(fhir, query):
    refused(fhir.get(f"Observation/$lastn?{query}"), 400)


def test_a_huge_max_gives_all_there_is(fhir):
    somebody = fhir.create(patient())
    made = [fhir.create(seen(day, subject=ref(somebody))) for day in DAYS[:3]]
    assert of(fhir, somebody, f"&max={2**31 - 1}")["total"] == len(made)


def test_groups_are_told_apart_by_this_test():
    """It would pass just as well if all were one group."""
    made = [{"id": str(n), "code": code} for n, code in enumerate(CODES)]
    sizes = defaultdict(int)
    for group in together(made):
        sizes[len(group)] += 1
    assert sum(size * number for size, number in sizes.items()) == len(CODES)
    assert len(sizes) > 1


@pytest.mark.parametrize(
    "given",
    ["_count=2", "_include=Observation:subject", "_include:iterate=Observation:subject",
     "_revinclude=Provenance:target", "_sort=-date", "_summary=count", "_elements=id",
     "_total=accurate", "_contained=true"],
)  # fmt: skip
def test_what_a_search_says_of_its_result_is_refused_by_name(fhir, given):
    (issue,) = refused(fhir.get(f"Observation/$lastn?patient=a&code=x&{given}"), 400)
    assert issue["details"]["coding"][0]["code"] == "parameter-unknown-here"
    assert given.partition("=")[0] in issue["details"]["text"]
