"""_include and _revinclude: https://hl7.org/fhir/R4/search.html#include."""

import pytest

from server.interactions import including
from server.search import includes
from tests.unit.search.includes.conftest import BASE, URL, resource, to

WARD = [
    resource("Patient/1", generalPractitioner=[to("Practitioner/1")]),
    resource("Patient/2", managingOrganization=to("Organization/1")),
    resource("Group/1"),
    resource("Practitioner/1"),
    resource("Organization/1", partOf=to("Organization/2")),
    resource("Organization/2", partOf=to("Organization/3")),
    resource("Organization/3", partOf=to("Organization/1")),
    resource("Encounter/1", subject=to("Patient/1")),
    resource("Observation/1", subject=to("Patient/1"), encounter=to("Encounter/1")),
    resource(
        "Observation/2", subject=to("Group/1"), hasMember=to("Observation/1", "Observation/3")
    ),
    resource("Observation/3", subject=to("Patient/2"), hasMember=[to("Observation/2")]),
    resource("Provenance/1", target=to("Observation/1", "Observation/3")),
    resource("Provenance/2", target=[to("Patient/1")]),
]


@pytest.mark.parametrize(
    ("match", "parameter", "included"),
    [
        ("Observation/1", "_include=Observation:subject", ["Patient/1"]),
        ("Observation/2", "_include=Observation:subject", ["Group/1"]),
        ("Observation/2", "_include=Observation:subject:Patient", []),
        ("Observation/1", "_include=Observation:subject:Patient", ["Patient/1"]),
        ("Observation/1", "_include=Observation:patient", ["Patient/1"]),
        ("Observation/2", "_include=Observation:patient", []),
        ("Observation/1", "_include=Observation:*", ["Encounter/1", "Patient/1"]),
        ("Observation/1", "_include=Observation:*:Encounter", ["Encounter/1"]),
        ("Observation/1", "_include=*", ["Encounter/1", "Patient/1"]),
        ("Organization/1", "_include=Organization:partof", ["Organization/2"]),
        ("Organization/1", "_include:iterate=Organization:partof",
         ["Organization/2", "Organization/3"]),
        ("Patient/1", "_revinclude=Observation:subject", ["Observation/1"]),
        ("Patient/1", "_revinclude=Observation:patient", ["Observation/1"]),
        ("Patient/1", "_revinclude=Observation:subject:Patient", ["Observation/1"]),
        ("Patient/1", "_revinclude=Provenance:target", ["Provenance/2"]),
        ("Patient/1", "_revinclude=Observation:*", ["Observation/1"]),
        ("Patient/1", "_revinclude=*", ["Encounter/1", "Observation/1", "Provenance/2"]),
        ("Patient/1", "_revinclude:iterate=*",
         ["Encounter/1", "Observation/1", "Provenance/2", "Observation/2", "Provenance/1",
          "Observation/3"]),
        ("Organization/3", "_revinclude:iterate=Organization:partof",
         ["Organization/2", "Organization/1"]),
    ],
)  # fmt: skip
def test_what_comes_with_a_match(found, match, parameter, included):
    assert found(WARD, [match], parameter) == included


def test_iterate_goes_on_from_what_was_included(found):
    asked = ["_include=Observation:subject", "_include:iterate=Patient:general-practitioner"]
    assert found(WARD, ["Observation/1"], *asked) == ["Patient/1", "Practitioner/1"]
    asked = ["_include=Observation:subject", "_revinclude:iterate=Provenance:target"]
    assert found(WARD, ["Observation/1"], *asked) == ["Patient/1", "Provenance/1", "Provenance/2"]


def test_without_iterate_only_matches_lead_on(found):
    asked = ["_include=Observation:has-member", "_include=Observation:subject"]
    assert found(WARD, ["Observation/3"], *asked) == ["Observation/2", "Patient/2"]


def test_without_iterate_only_what_refers_to_a_match_comes(found):
    asked = "_revinclude=Organization:partof"
    assert found(WARD, ["Organization/3"], asked) == ["Organization/2"]


def test_a_resource_comes_once_and_not_if_it_is_a_match(found):
    matches = ["Observation/1", "Observation/2", "Observation/3"]
    asked = ["_include=Observation:has-member", "_include=Observation:subject",
             "_revinclude=Provenance:target"]  # fmt: skip
    assert found(WARD, matches, *asked) == ["Group/1", "Patient/1", "Patient/2", "Provenance/1"]


def test_each_type_is_asked_for_once_a_round(stored, plans):
    many = [resource(f"Observation/{n}", subject=to(f"Patient/{n}")) for n in range(50)]
    lookup = stored(*many, *(resource(f"Patient/{n}") for n in range(50)))
    pairs = [("_include", "Observation:subject"), ("_revinclude", "Provenance:target")]
    asked = includes.parse(plans, ["Observation"], pairs)
    matches = lookup.matches("Observation", [str(n) for n in range(50)], asked.fields)
    assert len(including.page(lookup, asked, matches).included) == 50
    assert sorted(lookup.asked) == ["Patient", "Provenance"]


@pytest.mark.parametrize(
    ("reference", "included"),
    [
        ("Patient/1", True),
        (f"{BASE}/Patient/1", True),
        ("Patient/1/_history/1", True),
        ("Patient/9", False),
        ("http://elsewhere.example.org/fhir/Patient/1", False),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", False),
        ("#1", False),
    ],
)
def test_references_to_this_server_are_followed(found, reference, included):
    resources = [resource("Patient/1"), resource("Observation/1", subject=to(reference))]
    expected = ["Patient/1"] if included else []
    assert found(resources, ["Observation/1"], "_include=Observation:subject") == expected
    expected = ["Observation/1"] if included else []
    assert found(resources, ["Patient/1"], "_revinclude=Observation:subject") == expected


QUESTIONNAIRES = [
    resource("Questionnaire/1", url=URL, version="1"),
    resource("Questionnaire/2", url=URL, version="2"),
    resource("Questionnaire/3", url=URL),
    resource("Questionnaire/4", url=f"{URL}/other", version="1"),
]


@pytest.mark.parametrize(
    ("canonical", "included"),
    [
        (URL, ["1", "2", "3"]),
        (f"{URL}|1", ["1"]),
        (f"{URL}|3", []),
        (f"{BASE}/Questionnaire/4", ["4"]),
        (f"{BASE}/Questionnaire/4|1", ["4"]),
        ("#1", []),
    ],
)
def test_a_canonical_reference_leads_to_the_versions_it_names(found, canonical, included):
    answer = resource("QuestionnaireResponse/1", questionnaire=canonical)
    asked = "QuestionnaireResponse:questionnaire"
    resources = [answer, *QUESTIONNAIRES]
    expected = [f"Questionnaire/{id}" for id in included]
    assert found(resources, ["QuestionnaireResponse/1"], f"_include={asked}") == expected
    for one in QUESTIONNAIRES:
        expected = ["QuestionnaireResponse/1"] if one["id"] in included else []
        match = f"Questionnaire/{one['id']}"
        assert found(resources, [match], f"_revinclude={asked}") == expected


def test_a_code_system_is_included_by_its_url(found):
    systems = [
        resource("CodeSystem/1", url=f"{URL}/s", version="1"),
        resource("CodeSystem/2", url=f"{URL}/more", supplements=f"{URL}/s|1"),
    ]
    assert found(systems, ["CodeSystem/2"], "_include=*") == ["CodeSystem/1"]
    assert found(systems, ["CodeSystem/1"], "_revinclude=CodeSystem:supplements") == [
        "CodeSystem/2"
    ]
