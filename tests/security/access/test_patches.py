"""Patches: they are done to what is the caller's alone, and tell of nothing that they do not see.

Refusals change nothing, and look the same whether or not there is something. Each kind of refusal
stands beside a patch that is allowed.
"""

import base64
import json

import pytest

from tests.security.access.shapes import CATEGORY, concept
from tests.security.access.tokens import BY_NAME, FAR, NORTH, app, staff, system
from tests.security.access.world import WHOLE

NORTHERN, READER = BY_NAME["clinician-north"], BY_NAME["clinician-south"]
DIVISION = staff("division-only", "clinician", "user/*.cruds", divisions=(NORTH,), division=NORTH)
LABS = staff(
    "labs-only", "clinician", "user/Observation.cruds?category=laboratory user/Observation.rs",
    divisions=(NORTH,), division=NORTH,
)  # fmt: skip
UPDATER = system("updater", "system/Observation.us", division=NORTH)
BLIND = staff(
    "blind", "clinician", "user/Observation.cus user/Observation.r?category=laboratory",
    divisions=(NORTH,), division=NORTH,
)  # fmt: skip
MASKED = system("masked", "system/*.cruds", masks={"Patient": ((), ("identifier",))})
MEASURER = app("measurer", "patient/Observation.crs", "Patient/a")
VITAL = [concept(CATEGORY, "vital-signs")]


def set_to(path, value):
    return [{"op": "add", "path": path, "value": value}]


def test_value(path, value):
    return [{"op": "test", "path": path, "value": value}]


test_value.__test__ = False
ISSUED = set_to("/issued", "2024-03-01T09:00:00+08:00")


JSON_PATCH = "application/json-patch+json"


@pytest.fixture(params=[None, "batch", "transaction"])
def patch(request, send):
    """Send a JSON Patch, or a Parameters resource, by itself or in a Bundle of a kind."""

    def asked(path, token, change):
        if isinstance(change, dict):
            return send("PATCH", path, token, change, request.param)
        body = json.dumps(change).encode()
        if request.param is None:
            return send("PATCH", path, token, body, Content_Type=JSON_PATCH)
        data = base64.b64encode(body).decode()
        packed = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": data}
        return send("PATCH", path, token, packed, request.param)

    return asked


REFUSED = [
    # What is there is not the caller's: as if it were not there, whatever the patch.
    ("Observation/lab-f", NORTHERN, ISSUED, 404),
    ("Observation/lab-f", NORTHERN, test_value("/status", "wrong"), 404),
    ("Observation/lab-f", DIVISION, ISSUED, 404),
    ("Observation/nobody", NORTHERN, ISSUED, 404),
    ("Observation/gone-f", DIVISION, ISSUED, 404),
    ("Condition/hiv-d", NORTHERN, set_to("/recordedDate", "2020"), 404),
    ("Observation/vit-a", LABS, ISSUED, 404),
    ("Observation/vit-a", LABS, set_to("/category", [concept(CATEGORY, "laboratory")]), 404),
    ("Observation?_id=vit-a", LABS, ISSUED, 404),
    ("Observation?_id=lab-f", NORTHERN, ISSUED, 404),
    ("Observation?_id=nobody", NORTHERN, ISSUED, 404),
    # What it becomes is not the caller's.
    ("Observation/lab-a", LABS, set_to("/category", VITAL), 403),
    ("Observation/lab-a", DIVISION, set_to("/subject/reference", "Patient/f"), 403),
    (
        "Patient/a",
        DIVISION,
        set_to("/address/0/_district/extension/0/valueCoding/code", FAR),
        403,
    ),
    # No right to write, whatever there is.
    ("Observation/lab-d", READER, ISSUED, 403),
    ("Observation/lab-a", MEASURER, ISSUED, 403),
    ("Observation/lab-b", BY_NAME["app-a"], ISSUED, 403),
    ("Observation?code=2339-0", BY_NAME["app-a"], ISSUED, 403),
    ("AuditEvent/nobody", BY_NAME["backend-north"], set_to("/outcome", "0"), 403),
    # Who does not see all of it could ask for the rest, and overwrite it.
    ("Patient/a", MASKED, set_to("/active", True), 403),
    ("Patient/a", MASKED, test_value("/identifier/0/value", "x"), 403),
    ("Patient/nobody", MASKED, set_to("/active", True), 403),
    ("Patient?_id=a", MASKED, set_to("/active", True), 403),
    # Who may change something but not read it cannot ask what it is.
    ("Observation/vit-a", BLIND, test_value("/status", "final"), 403),
    ("Observation/vit-a", BLIND, test_value("/status", "amended"), 403),
    ("Observation/lab-a", UPDATER, test_value("/status", "final"), 403),
]


def told(case):
    path, token, change, status = case
    return f"{token.name} {path} {change[0]['op']} {change[0]['path']} {status}"


@pytest.mark.parametrize("case", REFUSED, ids=told)
def test_a_patch_of_what_is_not_the_callers_is_refused_and_changes_nothing(patch, case):
    path, token, change, status = case
    assert patch(path, token, change).status == status


def test_what_is_the_callers_can_be_patched(patch):
    assert patch("Observation/lab-a", LABS, ISSUED).json["issued"]
    assert patch("Observation?_id=lab-b", NORTHERN, ISSUED).json["id"] == "lab-b"
    assert patch("Patient/a", DIVISION, set_to("/active", True)).json["active"] is True
    assert patch("Observation/lab-a", LABS, test_value("/status", "final")).status == 200


def test_a_scope_to_update_is_enough_and_shows_nothing(patch):
    """https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html: u."""
    for path, token in (("Observation/lab-b", UPDATER), ("Observation/vit-a", BLIND)):
        got = patch(path, token, set_to("/issued", "2024-03-01T10:00:00+08:00"))
        assert (got.status, got.body) == (200, b"")


def test_who_does_not_see_a_value_is_not_told_that_it_is_the_one_they_send(patch, written):
    """No new version would say: it is that already."""
    before = written.wire.get("Observation/vit-b", WHOLE).json
    got = patch("Observation/vit-b", BLIND, set_to("/status", before["status"]))
    assert got.headers["etag"] != f'W/"{before["meta"]["versionId"]}"'


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Observation.where(status = 'final')", 403),
        ("Observation.category.where(coding.exists())", 403),
        ("Observation.note", 200),
    ],
)
def test_who_does_not_see_a_resource_cannot_put_criteria_to_it(patch, path, status):
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    body = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    assert patch("Observation/vit-a", BLIND, body).status == status
