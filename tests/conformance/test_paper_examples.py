"""HL7's own examples can all be read on paper.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from datetime import UTC, datetime

import orjson

from server import content
from server.portal import paper
from server.profiles.definitions import load
from tests.conformance.test_structure_examples import INVALID, examples


def test_whatever_is_in_a_record_can_be_written(r4_package):
    inside = load(content.PROFILES / "r4").compartments["Patient"]
    patient = {"resourceType": "Patient", "id": "example"}
    count = 0
    for name, body in examples(r4_package):
        resource = orjson.loads(body)
        if name in INVALID or not inside.get(resource.get("resourceType")):
            continue
        record = iter([(f"{resource['resourceType']}/{resource['id']}", body)])
        parts = list(paper.written(record, patient, "http://x/fhir", datetime.now(UTC), "en"))
        assert parts[-1].endswith(b"</html>\n"), name
        count += 1
    assert count > 300
