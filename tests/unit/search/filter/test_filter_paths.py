"""Chains and brackets of _filter: https://hl7.org/fhir/R4/search_filter.html."""

import pytest

from server.fhir.outcome import TooCostly
from server.search import filter as filters
from tests.unit.search.filter.conftest import LOINC, concept


@pytest.fixture
def observations(store):
    """Stores two patients, an organization, and what was observed of the patients."""
    store(
        {"resourceType": "Patient", "id": "zhang", "name": [{"family": "张"}], "gender": "male"},
        {
            "resourceType": "Patient",
            "id": "li",
            "name": [{"family": "李"}],
            "gender": "female",
            "managingOrganization": {"reference": "Organization/first"},
        },
    )
    store({"resourceType": "Organization", "id": "first", "name": "第一医院"})
    subjects = ("Patient/zhang", "Patient/li", "Patient/li", "Group/others", None)
    return store(
        *(
            {
                "resourceType": "Observation",
                "id": str(n),
                "code": concept(LOINC, "1-8" if n % 2 == 0 else "2-6"),
                **({"subject": {"reference": subject}} if subject else {}),
            }
            for n, subject in enumerate(subjects)
        )
    )


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("subject re Patient/li", [1, 2]),
        ("subject eq Patient/li", [1, 2]),
        ("subject re http://localhost/fhir/Patient/li", [1, 2]),
        ("subject re Group/others", [3]),
        ("subject ne Patient/li", [0, 3]),
        ("patient re li", [1, 2]),
        ("subject pr false", [4]),
        ("subject.name co 张", [0]),
        ("subject.gender ne male", [1, 2]),
        ("not (subject.gender eq male)", [1, 2, 3, 4]),
        ("subject.organization.name sw 第一", [1, 2]),
        ("subject.name eq 李 and code eq loinc|1-8", [2]),
        ("subject[gender eq female].name co 李", [1, 2]),
        ("subject[gender eq male].name co 李", []),
        ("subject[gender eq male or name eq 李].name pr true", [0, 1, 2]),
        ("subject[organization[name ew 医院].name sw 第].gender eq female", [1, 2]),
    ],
)
def test_references_and_chains(filtered, observations, text, positions):
    assert filtered.matching(observations, text) == positions


def test_what_stands_in_brackets_is_of_the_same_element(filtered):
    def group(*pairs):
        characteristics = [
            {"code": concept("s", code), "valueCodeableConcept": concept("s", value)}
            for code, value in pairs
        ]
        return {"resourceType": "Group", "characteristic": characteristics}

    stored = [group(("sex", "male"), ("age", "old")), group(("sex", "old"), ("age", "male"))]
    assert filtered(stored, "characteristic[code eq s|sex].value eq s|male") == [0]
    assert filtered(stored, "characteristic[value eq old].code eq sex") == [1]
    assert filtered(stored, "characteristic eq sex and value eq male") == [0, 1]


def test_chains_through_references_to_anything_are_bounded(compiler):
    with pytest.raises(TooCostly) as refusal:
        filters.compile("subject." * 19 + "name eq x", "Basic", compiler)
    assert refusal.value.issues[0].message == "search-filter-too-wide"
