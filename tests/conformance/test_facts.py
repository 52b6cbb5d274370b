"""The committed R4 facts are what HL7's package says.

Spec: https://hl7.org/fhir/R4/downloads.html
"""

import subprocess
import sys
from pathlib import Path

import pytest

from server import content
from server.profiles.definitions import Constraint, load

FACTS = content.PROFILES / "r4"
TERMINOLOGY = content.TERMINOLOGY / "r4"
SCRIPT = content.ROOT / "tools" / "distil_r4.py"


@pytest.fixture(scope="module")
def definitions():
    return load(FACTS)


def test_the_committed_facts_are_reproduced_byte_for_byte(r4_package: Path, tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(r4_package), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in FACTS.iterdir()}
    assert [line.split()[2] for line in done.stderr.splitlines()] == [
        "http://hl7.org/fhir/ValueSet/currencies",
        "http://hl7.org/fhir/ValueSet/mimetypes",
        "http://hl7.org/fhir/ValueSet/ucum-units",
        "http://loinc.org/vs/LL379-9",
    ]


def test_the_committed_terminology_is_reproduced_byte_for_byte(r4_package: Path, tmp_path):
    script = SCRIPT.with_name("distil_r4_terminology.py")
    subprocess.run([sys.executable, str(script), str(r4_package), str(tmp_path)], check=True)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in TERMINOLOGY.iterdir()}


@pytest.mark.parametrize(("folder", "most"), [(FACTS, 4_500_000), (TERMINOLOGY, 4_000_000)])
def test_the_facts_stay_compact(folder, most):
    assert sum(file.stat().st_size for file in folder.iterdir()) < most


def test_every_concrete_resource_type_is_there(definitions):
    assert len(definitions.resource_types) == 146
    assert not {"Resource", "DomainResource"} & set(definitions.resource_types)
    assert {"Resource", "DomainResource"} < set(definitions.elements)


@pytest.mark.parametrize(
    ("parent", "name", "cardinality", "types"),
    [
        ("Patient", "id", (0, 1), ("id",)),
        ("Patient", "deceased[x]", (0, 1), ("boolean", "dateTime")),
        ("Patient", "contact", (0, None), ("BackboneElement",)),
        ("Patient.contact", "gender", (0, 1), ("code",)),
        ("Observation", "status", (1, 1), ("code",)),
        ("Questionnaire.item", "item", (0, None), ("#Questionnaire.item",)),
        ("HumanName", "given", (0, None), ("string",)),
        ("Bundle.entry", "resource", (0, 1), ("Resource",)),
        ("Extension", "url", (1, 1), ("uri",)),
        ("Element", "id", (0, 1), ("string",)),
    ],
)
def test_elements(definitions, parent, name, cardinality, types):
    """https://hl7.org/fhir/R4/resourcelist.html."""
    element = definitions.elements[parent][name]
    assert (element.path, element.name) == (f"{parent}.{name}", name)
    assert (element.min, element.max) == cardinality
    assert element.types == types


def test_the_order_of_elements_is_that_of_the_specification(definitions):
    assert list(definitions.elements["Period"]) == ["id", "extension", "start", "end"]


def test_every_type_and_reused_element_that_is_named_is_defined(definitions):
    known = {*definitions.elements, *definitions.primitives, "xhtml"}
    named = {
        name.removeprefix("#")
        for children in definitions.elements.values()
        for element in children.values()
        for name in element.types
    }
    assert named <= known


def test_flags_and_targets(definitions):
    patient = definitions.elements["Patient"]
    assert patient["active"].modifier
    assert patient["active"].summary
    assert not patient["photo"].summary
    assert patient["managingOrganization"].targets == ("Organization",)
    assert definitions.elements["Basic"]["subject"].targets == ()
    assert patient["gender"].binding == "http://hl7.org/fhir/ValueSet/administrative-gender"


def test_a_value_set_lists_its_codes_by_system(definitions):
    gender = definitions.value_sets["http://hl7.org/fhir/ValueSet/administrative-gender"]
    assert gender == {
        "http://hl7.org/fhir/administrative-gender": {"male", "female", "other", "unknown"}
    }
    all_types = definitions.value_sets["http://hl7.org/fhir/ValueSet/all-types"]
    assert {"Patient", "HumanName", "Type", "Any"} <= frozenset().union(*all_types.values())
    act = definitions.value_sets["http://hl7.org/fhir/ValueSet/action-participant-type"]
    assert len(frozenset().union(*act.values())) == 4


def test_a_parent_code_and_its_children_are_both_listed(definitions):
    status = definitions.value_sets["http://hl7.org/fhir/ValueSet/condition-ver-status"]
    codes = status["http://terminology.hl7.org/CodeSystem/condition-ver-status"]
    assert {"unconfirmed", "provisional", "differential"} <= codes


def test_search_parameters_of_a_type_include_the_inherited(definitions):
    patient = definitions.search_parameters["Patient"]
    assert patient["_id"].expression == "Resource.id"
    assert {"_lastUpdated", "_tag", "_profile", "_security", "_source", "_text"} <= set(patient)
    assert patient["birthdate"].base == ("Patient", "Person", "RelatedPerson")
    assert "_text" not in definitions.search_parameters["Bundle"]
    assert set(definitions.search_parameters) == set(definitions.resource_types)


def test_examples_of_search_parameters_are_left_out(definitions):
    assert "part-agree" not in definitions.search_parameters["Patient"]
    assert definitions.search_parameters["Condition"]["subject"].id == "Condition-subject"


def test_a_composite_names_its_components(definitions):
    composite = definitions.search_parameters["Observation"]["code-value-quantity"]
    assert composite.components == (
        ("http://hl7.org/fhir/SearchParameter/clinical-code", "code"),
        ("http://hl7.org/fhir/SearchParameter/Observation-value-quantity", "value.as(Quantity)"),
    )


def test_compartments(definitions):
    assert set(definitions.compartments) == {
        "Device",
        "Encounter",
        "Patient",
        "Practitioner",
        "RelatedPerson",
    }
    assert definitions.compartments["Patient"]["Observation"] == ("subject", "performer")
    assert definitions.compartments["Encounter"]["Encounter"] == ("{def}",)
    for members in definitions.compartments.values():
        for name, codes in members.items():
            assert set(codes) - {"{def}"} <= set(definitions.search_parameters[name])


def test_constraints_stand_where_they_are_declared(definitions):
    assert definitions.constraints["Patient.contact"] == (
        Constraint(
            "pat-1",
            "error",
            "name.exists() or telecom.exists() or address.exists() or organization.exists()",
        ),
    )
    assert definitions.bases["Age"] == "Quantity"
    simple = definitions.constraints["SampledData.origin"]
    assert simple == (Constraint("sqty-1", "error", "comparator.empty()"),)
