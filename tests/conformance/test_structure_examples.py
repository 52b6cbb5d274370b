"""HL7's own examples have the structure that R4 asks for, but for the few that have not.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import tarfile
from pathlib import Path

import orjson
import pytest

from server import content
from server.profiles.definitions import load
from server.profiles.structure import structure_validator

# Of these there are thousands, all made by one tool: every twentieth is read.
SAMPLED = {"StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "ConceptMap"}

_NO_TEXT = ("narrative-empty", "its narrative is an empty div, which txt-2 forbids")
_INDEX = (
    "structure-required",
    "it is a publisher's index without name and status, and refers to an id of 67 characters",
)

INVALID = {
    "ActivityDefinition-blood-tubes-supply.json": _NO_TEXT,
    "ActivityDefinition-heart-valve-replacement.json": _NO_TEXT,
    "EventDefinition-example.json": _NO_TEXT,
    "ImplementationGuide-fhir.json": _INDEX,
    "Questionnaire-qs1.json": ("structure-required", "its groups have no linkId"),
    "Questionnaire-zika-virus-exposure-assessment.json": _NO_TEXT,
    "ig-r4.json": _INDEX,
}


@pytest.fixture(scope="module")
def validator():
    return structure_validator(load(content.PROFILES / "r4"))


def examples(package: Path):
    """Yield the file name and the bytes of the examples that are read."""
    seen = dict.fromkeys(SAMPLED, 0)
    with tarfile.open(package) as archive:
        for member in archive:
            name = Path(member.name).name
            type = name.partition("-")[0]
            if type in seen:
                seen[type] += 1
            if name != "package.json" and seen.get(type, 0) % 20 == 0:
                file = archive.extractfile(member)
                if file is not None and name.endswith(".json"):
                    yield name, file.read()


def test_every_official_example_has_no_faults_but_the_listed(r4_package, validator):
    read, found = 0, {}
    for name, body in examples(r4_package):
        read += 1
        resource = orjson.loads(body)
        issues = validator.faults(resource)
        assert validator.is_valid(resource) == (not issues)
        if issues:
            found[name] = {issue.message for issue in issues}
    assert read > 850
    assert set(found) == set(INVALID)
    for name, (message, reason) in INVALID.items():
        assert message in found[name], reason


def test_the_search_parameters_without_a_base_are_invalid(r4_package, validator):
    """HL7 left ten of them in the package as remains of an older extension."""
    with tarfile.open(r4_package) as archive:
        bodies = [
            archive.extractfile(member).read()
            for member in archive
            if "/SearchParameter-codesystem-extensions-CodeSystem-" in member.name
        ]
    assert len(bodies) == 5
    for body in bodies:
        (issue,) = validator.faults(orjson.loads(body))
        assert issue.expression == "SearchParameter.base"
