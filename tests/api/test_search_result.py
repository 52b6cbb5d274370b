"""What a search result says of itself: links, totals, what was ignored, how it was run.

Spec: https://hl7.org/fhir/R4/search.html#total, https://hl7.org/fhir/R4/search.html#lenient
"""

import itertools
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.api.client import Client, link, refused
from tests.builders import fresh, observation, patient

MANY = 25


@pytest.fixture(scope="module")
def family(server):
    """A family name that 25 patients have."""
    fhir = Client(server)
    name = fresh().replace("-", "")
    for number in range(MANY):
        fhir.create(patient(name=[{"family": name, "given": [f"{number:02}"]}]))
    yield name
    fhir.session.close()


def ids(bundle):
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def below(fhir, url):
    return url.removeprefix(f"{fhir.base}/")


def test_pages_lead_back_to_the_earlier_ones(fhir, family):
    pages = fhir.pages(f"Patient?family={family}&_count=4")
    assert link(pages[0], "prev") is None
    for before, page in itertools.pairwise(pages):
        back = fhir.bundle(below(fhir, link(page, "prev")))
        assert ids(back) == ids(before)


def test_a_way_back_goes_three_pages_at_least(fhir, family):
    pages = fhir.pages(f"Patient?family={family}&_count=4")
    page, seen = pages[-1], []
    while (url := link(page, "prev")) is not None:
        page = fhir.bundle(below(fhir, url))
        seen.append(ids(page))
    assert seen[:3] == [ids(one) for one in pages[-2:-5:-1]]


@pytest.mark.parametrize(
    ("total", "told"), [("accurate", MANY), ("estimate", MANY), ("none", None), (None, None)]
)
def test_totals(fhir, family, total, told):
    asked = f"&_total={total}" if total else ""
    bundle = fhir.bundle(f"Patient?family={family}&_count=5{asked}")
    assert bundle.get("total") == told
    follow = fhir.bundle(below(fhir, link(bundle, "next")))
    assert follow.get("total") == told


def test_the_total_of_one_page_is_always_told(fhir, family):
    assert fhir.bundle(f"Patient?family={family}&_count=50")["total"] == MANY


@pytest.mark.parametrize("count", ["_count=0", "_summary=count", "_count=0&_total=accurate"])
def test_only_a_number(fhir, family, count):
    bundle = fhir.bundle(f"Patient?family={family}&{count}")
    assert bundle["total"] == MANY
    assert "entry" not in bundle
    assert link(bundle, "next") is None


@pytest.mark.parametrize(
    "query",
    ["nonsense=1", "name:nonsense=1", "_query=a", "_contained=true", "_contained=both",
     "_total=perhaps", "_explain=perhaps", "_count=1&_count=2", "_summary=true&_summary=data",
     "_total=none&_total=accurate", "_count=-1", "_count=x", "family=%ff", "_include=Patient",
     "_sort=nonsense", "birthdate=2023-02-30", "birthdate=2023-13", "_type=Patient"],
)  # fmt: skip
def test_what_is_not_understood_is_refused(fhir, query):
    (issue,) = refused(fhir.get(f"Patient?{query}"), 400)
    assert issue["details"]["text"]


@pytest.mark.parametrize(
    ("query", "name"),
    [("nonsense=1", "nonsense"), ("gender:nonsense=male", "gender:nonsense"),
     ("subject.name=x", "subject.name"), ("_has:Nothing:a:b=1", "_has:Nothing:a:b"),
     ("_include=Patient:nonsense", "_include")],
)  # fmt: skip
def test_a_lenient_caller_is_told_what_was_ignored(fhir, family, query, name):
    answer = fhir.get(f"Patient?family={family}&{query}&_count=2", Prefer="handling=lenient")
    bundle = answer.json()
    assert answer.status_code == 200
    *matches, outcome = bundle["entry"]
    assert len(matches) == 2
    assert outcome["search"]["mode"] == "outcome"
    (issue,) = outcome["resource"]["issue"]
    assert issue["severity"] == "warning"
    assert name in issue["details"]["text"]
    used = parse_qsl(urlsplit(link(bundle, "self")).query)
    assert used == [("family", family), ("_count", "2")]


def test_a_lenient_caller_hears_of_wrong_values_all_the_same(fhir):
    refused(fhir.get("Patient?birthdate=2023-02-30", Prefer="handling=lenient"), 400)


def test_an_explanation_tells_indexes_and_what_was_examined(fhir, family):
    told = fhir.get(f"Patient?family={family}&_explain=true").json()
    assert told["resourceType"] == "Parameters"
    (search,) = told["parameter"]
    parts = {part["name"]: part for part in search["part"]}
    assert parts["type"]["valueCode"] == "Patient"
    assert parts["index"]["valueString"] in ("s_id", "_id_")
    assert family in parts["condition"]["valueString"]
    assert parts["returned"]["valueInteger"] == 21
    assert parts["documentsExamined"]["valueInteger"] >= 21


def test_an_explanation_of_several_types_and_of_an_order_in_memory(fhir):
    told = fhir.get("?_type=Patient,Observation&_lastUpdated=gt2100&_explain=true").json()
    assert len(told["parameter"]) <= 2
    mark = fresh()
    fhir.create(observation(identifier=[{"value": mark}]))
    told = fhir.get(f"Observation?identifier={mark}&_sort=status&_explain=true").json()
    stages = [p["valueString"] for p in told["parameter"][0]["part"] if p["name"] == "stage"]
    assert "COLLSCAN" not in stages
    assert "SORT" in stages
