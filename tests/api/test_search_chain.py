"""Chained and reverse chained search.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from types import SimpleNamespace

import pytest

from tests.api.client import Client, refused
from tests.builders import encounter, fresh, observation, patient

HEIGHT = {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}


@pytest.fixture(scope="module")
def world(server):
    """Two hospitals, the second a part of the first; three patients; what happened to them."""
    fhir = Client(server)
    mark = fresh().replace("-", "")
    made = SimpleNamespace(mark=mark)

    def ref(resource):
        return {"reference": f"{resource['resourceType']}/{resource['id']}"}

    def create(**resource):
        return fhir.create(resource)

    made.trust = create(
        resourceType="Organization", name=f"{mark} 总院", identifier=[{"value": mark}]
    )
    made.clinic = create(
        resourceType="Organization", name=f"{mark} 分院", partOf=ref(made.trust), active=True
    )
    made.a, made.b, made.c = (
        fhir.create(
            patient(
                identifier=[{"system": "urn:test:chain", "value": f"{mark}-{name}"}],
                name=[{"family": f"{mark}{name}"}],
                gender=gender,
                **({"managingOrganization": ref(made.clinic)} if name != "c" else {}),
            )
        )
        for name, gender in (("a", "male"), ("b", "female"), ("c", "female"))
    )
    made.visits = [
        fhir.create(encounter(subject=ref(one), serviceProvider=ref(made.trust)))
        for one in (made.a, made.b)
    ]
    made.heights = [
        fhir.create(observation(code=HEIGHT, subject=ref(one), encounter=ref(visit)))
        for one, visit in zip((made.a, made.b), made.visits, strict=True)
    ]
    made.heat = fhir.create(observation(subject=ref(made.c)))
    made.group = fhir.create(
        {
            "resourceType": "Group",
            "type": "person",
            "actual": True,
            "member": [{"entity": ref(made.a)}, {"entity": ref(made.c)}],
        }
    )
    yield made
    fhir.session.close()


def found(fhir, path):
    return set(fhir.ids(path))


def ids(*resources):
    return {resource["id"] for resource in resources}


def test_a_chain_with_and_without_type(fhir, world):
    for name in ("subject:Patient.family", "subject.family", "patient.family"):
        assert found(fhir, f"Observation?{name}={world.mark}a") == ids(world.heights[0])


def test_a_chain_takes_modifiers_and_alternatives(fhir, world):
    path = f"Observation?patient.family:exact={world.mark}a,{world.mark}c"
    assert found(fhir, path) == ids(world.heights[0], world.heat)
    path = f"Observation?subject:Patient.identifier=urn:test:chain|{world.mark}-b"
    assert found(fhir, path) == ids(world.heights[1])


def test_chains_of_several_steps(fhir, world):
    path = f"Observation?patient.organization.name={world.mark} 分院"
    assert found(fhir, path) == ids(*world.heights)
    path = f"Observation?subject:Patient.organization.partof.identifier={world.mark}"
    assert found(fhir, path) == ids(*world.heights)
    path = f"Observation?encounter.service-provider.name={world.mark}"
    assert found(fhir, path) == ids(*world.heights)


def test_a_chain_and_other_conditions(fhir, world):
    path = f"Observation?patient.organization.name={world.mark}&patient.gender=male&code=8302-2"
    assert found(fhir, path) == ids(world.heights[0])
    assert found(fhir, f"{path}&code=8310-5") == set()


def test_a_chain_by_the_id_of_the_target(fhir, world):
    path = f"Observation?subject._id={world.a['id']}"
    assert found(fhir, path) == ids(world.heights[0])


def test_a_reverse_chain(fhir, world):
    path = f"Patient?_has:Observation:patient:code=8302-2&family={world.mark}"
    assert found(fhir, path) == ids(world.a, world.b)
    path = f"Patient?_has:Observation:patient:code=http://loinc.org|8310-5&family={world.mark}"
    assert found(fhir, path) == ids(world.c)


def test_reverse_chains_are_joined_by_and(fhir, world):
    path = f"Patient?family={world.mark}&_has:Observation:subject:code=8302-2,8310-5"
    assert found(fhir, path) == ids(world.a, world.b, world.c)
    assert found(fhir, f"{path}&_has:Group:member:_id={world.group['id']}") == ids(world.a, world.c)
    assert found(fhir, f"{path}&_has:Encounter:patient:status=finished") == ids(world.a, world.b)


def test_a_reverse_chain_within_a_reverse_chain(fhir, world):
    path = (
        f"Organization?_has:Patient:organization:_has:Observation:patient:code=8302-2"
        f"&name={world.mark}"
    )
    assert found(fhir, path) == ids(world.clinic)


def test_a_chain_through_a_reverse_chain(fhir, world):
    path = f"Patient?_has:Encounter:patient:service-provider.identifier={world.mark}"
    assert found(fhir, path) == ids(world.a, world.b)


def test_a_reverse_chain_at_the_end_of_a_chain(fhir, world):
    path = f"Observation?patient._has:Group:member:_id={world.group['id']}"
    assert found(fhir, path) == ids(world.heights[0], world.heat)


def test_totals_and_pages_of_chains(fhir, world):
    path = f"Observation?patient.family={world.mark}"
    assert fhir.bundle(f"{path}&_summary=count")["total"] == 3
    pages = fhir.pages(f"{path}&_count=1&_total=accurate")
    assert [page["total"] for page in pages] == [3, 3, 3]
    told = [entry["resource"]["id"] for page in pages for entry in page["entry"]]
    assert sorted(told) == sorted(ids(*world.heights, world.heat))


@pytest.mark.parametrize(
    "query",
    [
        "code.name=a",
        "subject:Organization.name=a",
        "subject:Nonsense.name=a",
        "subject.nonsense=a",
        "subject:Patient.nonsense=a",
        "nonsense.name=a",
        "_has:Nonsense:patient:code=a",
        "_has:Observation:nonsense:code=a",
        "_has:Observation:code:code=a",
        "_has:Observation:patient:nonsense=a",
        "_has:Encounter:service-provider:status=finished",
        "_has:Observation:patient=a",
        "subject.=a",
        "." * 60 + "=a",
        "subject." * 50 + "name=a",
        "_has:Observation:has-member:" * 50 + "code=a",
    ],
)
def test_a_chain_that_leads_nowhere_is_refused(fhir, query):
    refused(fhir.get(f"Observation?{query}"), 400)


def test_a_conditional_create_by_a_chain(fhir, world):
    criteria = f"patient.family={world.mark}a&code=8302-2"
    body = observation(code=HEIGHT)
    assert fhir.post("Observation", body, If_None_Exist=criteria).status_code == 200


@pytest.fixture(scope="module")
def forms(server):
    """Two versions of a questionnaire, and answers to each, to either, and to one unknown."""
    fhir, url = Client(server), f"http://example.org/{fresh()}"
    for version in ("1", "2|b"):
        fhir.create(
            {"resourceType": "Questionnaire", "url": url, "version": version, "status": "active"}
        )
    answers = {
        asked: fhir.create(
            {
                "resourceType": "QuestionnaireResponse",
                "questionnaire": url + asked,
                "status": "completed",
            }
        )["id"]
        for asked in ("", "|1", "|2|b", "|3")
    }
    yield url, answers
    fhir.session.close()


@pytest.mark.parametrize(
    ("version", "answered"), [("1", ["", "|1"]), (r"2\|b", ["", "|2|b"]), ("3", [])]
)
def test_a_chain_through_a_canonical_goes_to_the_version_it_names(fhir, forms, version, answered):
    """https://hl7.org/fhir/R4/references.html#canonical."""
    url, answers = forms
    chain = f"questionnaire.url={url}&questionnaire.version={version}"
    asked = f"QuestionnaireResponse?{chain}"
    assert found(fhir, asked) == {answers[one] for one in answered}
