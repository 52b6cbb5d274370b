"""What R4 itself lets references point to.

Spec: https://hl7.org/fhir/R4/references.html#Reference
"""

import pytest

from server.profiles.targets import Targets

TARGETS = Targets(("Group", "Patient", "Practitioner"))
ROOT = {
    "resourceType": "Patient",
    "contained": [
        {"resourceType": "Practitioner", "id": "p"},
        {"resourceType": "Group", "id": "g"},
    ],
}
ALLOWED = {"Patient", "Group"}
R4 = "http://hl7.org/fhir/StructureDefinition/"
WRONG, DIFFERS = "reference-target", "reference-type-differs"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Patient/1"}, None),
        ({"reference": "Patient/1/_history/2"}, None),
        ({"reference": "Practitioner/1"}, WRONG),
        ({"reference": "Practitioner/1/_history/2"}, WRONG),
        ({"reference": "https://a.example/fhir/Practitioner/1"}, WRONG),
        ({"reference": "https://a.example/Elsewhere/1"}, None),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, None),
        ({"reference": "#"}, None),
        ({"reference": "#g"}, None),
        ({"reference": "#p"}, WRONG),
        ({"reference": "#nobody"}, None),
        ({"display": "somebody"}, None),
        ({"type": "Patient", "identifier": {"value": "1"}}, None),
        ({"type": "Practitioner", "identifier": {"value": "1"}}, WRONG),
        ({"type": "Elsewhere", "identifier": {"value": "1"}}, None),
        ({"reference": "Patient/1", "type": "Patient"}, None),
        ({"reference": "Patient/1", "type": f"{R4}Patient"}, None),
        ({"reference": "Patient/1", "type": "Group"}, DIFFERS),
        ({"reference": "Patient/1", "type": "Elsewhere"}, DIFFERS),
        ({"reference": "#g", "type": "Patient"}, DIFFERS),
        ({"reference": "urn:oid:1.2", "type": "Practitioner"}, WRONG),
    ],
)
def test_a_reference_is_to_what_is_allowed_as_far_as_it_tells(reference, expected):
    fault = TARGETS.fault(reference, ALLOWED, ROOT)
    assert (fault and fault[0]) == expected


def test_a_reference_to_anything_may_not_contradict_itself_either():
    assert TARGETS.fault({"reference": "Practitioner/1"}, (), ROOT) is None
    fault = TARGETS.fault({"reference": "Practitioner/1", "type": "Patient"}, (), ROOT)
    assert fault == (DIFFERS, {"found": "Practitioner", "type": "Patient"})
