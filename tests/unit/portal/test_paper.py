"""The copy of a record to read: whatever R4 lets a resource hold can be written."""

from datetime import UTC, datetime

import orjson
import pytest

from server.portal import paper

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"text": "陈甲子"}]}


def written(*resources):
    record = ((f"{one['resourceType']}/{one['id']}", orjson.dumps(one)) for one in resources)
    parts = paper.written(record, PATIENT, "http://x/fhir", datetime.now(UTC), "zh")
    return b"".join(parts).decode()


@pytest.mark.parametrize(
    ("type", "performer"),
    [
        ("MedicationRequest", {"display": "刘医生"}),
        ("DeviceRequest", {"display": "刘医生"}),
        ("Observation", [{"display": "刘医生"}]),
        ("Immunization", [{"actor": {"display": "刘医生"}}]),
    ],
)
def test_one_performer_is_named_as_several_are(type, performer):
    assert "刘医生" in written({"resourceType": type, "id": "a", "performer": performer})


def test_several_authors_are_named():
    authors = [{"display": "刘医生"}, {"display": "钱护士"}]
    page = written({"resourceType": "Composition", "id": "a", "author": authors})
    assert "刘医生 · 钱护士" in page
