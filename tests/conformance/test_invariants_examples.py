"""HL7's own examples break no invariant of R4 and refer to what R4 allows, but for the few that do.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from zoneinfo import ZoneInfo

import orjson

from server import content
from server.profiles.definitions import load
from server.profiles.invariants.checking import Invariants
from server.profiles.invariants.items import Model
from server.profiles.shapes import shapes
from tests.conformance.test_structure_examples import INVALID, examples

LARGE = 1_000_000
BREAKING = {
    # The abstract pattern FiveWs is neither abstract nor derived of anything.
    "StructureDefinition-FiveWs.json": {"sdf-4"},
    # Its parent is a DeviceDefinition, where R4 has Device only.
    "DeviceMetric-example.json": {"reference-target"},
    # A Procedure is no reason that R4 has for the use of a device.
    "DeviceUseStatement-example.json": {"reference-target"},
    # A Practitioner is to dispense, where R4 has Organization only.
    "MedicationRequest-medrx0301.json": {"reference-target"},
    # An Encounter has made the observation.
    "Observation-clinical-gender.json": {"reference-target"},
}


def test_no_official_example_breaks_an_invariant_but_the_listed(r4_package):
    definitions = load(content.PROFILES / "r4")
    known = Invariants(definitions, Model(shapes(definitions)), ZoneInfo("Asia/Shanghai"))
    read, found = 0, {}
    for name, body in examples(r4_package):
        if name in INVALID or len(body) > LARGE:
            continue
        read += 1
        broken = {
            one.arguments.get("key", one.message) for one in known.faults(orjson.loads(body))
            if one.severity == "error" or one.message == "invariants-too-costly"
        }  # fmt: skip
        if broken:
            found[name] = broken
    assert read > 800
    assert found == BREAKING
