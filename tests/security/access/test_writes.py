"""Writes: what was there and what it becomes both have to be the caller's.

Refusals look the same whether or not there is something, and change nothing. Each kind of
refusal stands beside a write that is allowed, or it would prove nothing.
"""

import pytest

from tests.security.access.oracle import Oracle
from tests.security.access.shapes import concept, condition, observation, person, resource
from tests.security.access.tokens import BY_NAME, FAR, NORTH, SOUTH, app, staff, system
from tests.security.access.world import HOSPITALS, WHOLE

NORTHERN, READER = BY_NAME["clinician-north"], BY_NAME["clinician-south"]
REGISTRAR, BACKEND = BY_NAME["registrar"], BY_NAME["backend-north"]
DIVISION = staff("division-only", "clinician", "user/*.cruds", divisions=(NORTH,), division=NORTH)
LABS = staff(
    "labs-only", "clinician", "user/Observation.cruds?category=laboratory user/Observation.rs",
    divisions=(NORTH,), division=NORTH,
)  # fmt: skip
MEASURER = app("measurer", "patient/Observation.crs", "Patient/a")
CREATOR = system("creator", "system/Observation.c", division=NORTH)
UPDATER = system("updater", "system/Observation.us", division=NORTH)
BLIND = staff(
    "blind", "clinician", "user/Observation.cus user/Observation.r?category=laboratory",
    divisions=(NORTH,), division=NORTH,
)  # fmt: skip
MASKED = system("masked", "system/*.cruds", masks={"Patient": ((), ("identifier",))})
HIV = concept("http://loinc.org", "7917-8")


def of(id, subject="Patient/a", category="laboratory", **elements):
    return observation(id, subject, category, **elements)


REFUSED = [
    # What is there is not the caller's: as if it were not there.
    ("PUT", "Observation/lab-f", NORTHERN, of("lab-f"), {}, 404),
    ("PUT", "Observation/lab-f", DIVISION, of("lab-f", "Patient/f"), {}, 404),
    ("PUT", "Observation/nobody", NORTHERN, of("nobody"), {}, 404),
    ("PUT", "Observation/gone-f", DIVISION, of("gone-f"), {}, 404),
    ("PUT", "Condition/hiv-d", NORTHERN, condition("hiv-d", "Patient/d", "B24"), {}, 404),
    ("PUT", "Observation/vit-a", LABS, of("vit-a", category="vital-signs"), {}, 404),
    ("PUT", "Observation/vit-a", LABS, of("vit-a"), {}, 404),
    ("PUT", "Observation/lab-b", BY_NAME["app-a"], of("lab-b"), {}, 403),
    # What it becomes is not the caller's.
    ("PUT", "Observation/lab-a", LABS, of("lab-a", category="vital-signs"), {}, 403),
    ("PUT", "Patient/a", DIVISION, person("a", FAR, 1), {}, 403),
    ("PUT", "Patient/a", DIVISION, person("a", SOUTH, 1), {}, 403),
    ("POST", "Observation", LABS, of("x", category="vital-signs"), {}, 403),
    ("POST", "Observation", MEASURER, of("x", "Patient/b"), {}, 403),
    ("POST", "Observation", MEASURER, of("x", None), {}, 403),
    ("POST", "Observation", MEASURER, of("x", "Group/grp"), {}, 403),
    ("POST", "Observation", MEASURER, of("x", "http://other.example/fhir/Patient/a"), {}, 403),
    ("POST", "Observation", MEASURER, of("x", code=HIV), {}, 403),
    ("POST", "Observation", DIVISION, of("x", "Patient/f"), {}, 403),
    # No right to write, whatever there is.
    ("PUT", "Observation/lab-d", READER, of("lab-d", "Patient/d"), {}, 403),
    ("DELETE", "Observation/lab-d", READER, None, {}, 403),
    ("POST", "Observation", BY_NAME["registrar"], of("x"), {}, 403),
    ("POST", "Condition", MEASURER, condition("x", "Patient/a", "J06"), {}, 403),
    ("PUT", "Observation/lab-a", MEASURER, of("lab-a"), {}, 403),
    ("DELETE", "Observation/lab-a", MEASURER, None, {}, 403),
    ("DELETE", "Patient/a", NORTHERN, None, {}, 403),
    ("DELETE", "Patient/a", REGISTRAR, None, {}, 403),
    ("POST", "Patient", NORTHERN, person("x", NORTH, 9), {}, 403),
    ("POST", "Organization", REGISTRAR, resource("Organization", "x", name="x"), {}, 403),
    ("POST", "ValueSet", BACKEND, resource("ValueSet", "x", status="draft"), {}, 403),
    ("POST", "AuditEvent", BACKEND, {"resourceType": "AuditEvent"}, {}, 403),
    ("POST", "SearchParameter", BACKEND, {"resourceType": "SearchParameter"}, {}, 403),
    ("PUT", "Observation?code=2339-0", BY_NAME["app-a"], of("x"), {}, 403),
    ("DELETE", "Observation?code=2339-0", BY_NAME["app-a"], None, {}, 403),
    # A condition is a search, and needs the right to one.
    ("POST", "Observation", CREATOR, of("x"), {"If_None_Exist": "code=2339-0"}, 403),
    ("POST", "Observation", MEASURER, of("x"), {"If_None_Exist": "subject.name=x"}, 403),
    # Who does not see all of it would overwrite the rest; and could search what is hidden.
    ("PUT", "Patient/a", MASKED, person("a", NORTH, 1), {}, 403),
    ("PUT", "Patient?_id=a", MASKED, person("a", NORTH, 1), {}, 403),
    ("POST", "Patient", MASKED, person("x", NORTH, 1), {"If_None_Exist": "identifier=1"}, 403),
]  # fmt: skip


def told(case):
    method, path, token, body, headers, status = case
    said = (body or {}).get("subject", {}).get("reference", "")
    return f"{token.name} {method} {path} {said} {''.join(headers)} {status}"


@pytest.mark.parametrize("kind", [None, "batch", "transaction"])
@pytest.mark.parametrize("case", REFUSED, ids=told)
def test_a_write_of_what_is_not_the_callers_is_refused_and_changes_nothing(send, case, kind):
    method, path, token, body, headers, status = case
    assert send(method, path, token, body, kind, **headers).status == status


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_shows_what_was_written_only_to_who_may_read_it(send, kind):
    vital = of("vit-a", category="vital-signs", value=45)
    answer = send("PUT", "Observation/vit-a", BLIND, vital, kind)
    assert (answer.status, answer.body) == (200, b"")
    assert send("PUT", "Observation/lab-a", BLIND, of("lab-a", value=46), kind).body


def test_a_conditional_reference_finds_what_the_caller_may_search_and_nothing_else(send):
    number = f"Patient?identifier={NORTH}198001010001"
    for token, status in ((NORTHERN, 201), (CREATOR, 403), (MASKED, 403)):
        told = send("POST", "Observation", token, of("x", number), "transaction")
        assert told.status == status
    unseen = send("POST", "Observation", NORTHERN, of("x", "Patient?_id=f"), "transaction")
    nobody = send("POST", "Observation", NORTHERN, of("x", "Patient?_id=zzz"), "transaction")
    assert (unseen.status, nobody.status) == (412, 412)
    assert unseen.body.replace(b"_id=f", b"_id=zzz") == nobody.body


def test_what_a_limited_scope_excludes_cannot_be_deleted(send, written):
    send("DELETE", "Observation/vit-a", LABS)
    send("DELETE", "Observation/lab-f", NORTHERN)
    send("DELETE", "Observation?subject=Patient/f", NORTHERN)
    for id in ("vit-a", "lab-f", "vit-f"):
        assert written.wire.get(f"Observation/{id}", WHOLE).status == 200


def test_what_is_the_callers_can_be_written(send):
    assert send("POST", "Observation", MEASURER, of("x", value=37)).status == 201
    assert send("PUT", "Observation/lab-a", LABS, of("lab-a", value=41)).status == 200
    assert send("PUT", "Observation/lab-b", NORTHERN, of("lab-b", "Patient/b")).status == 200
    assert send("PUT", "Patient/a", REGISTRAR, person("a", NORTH, 1)).status == 200
    assert send("PUT", "Observation/new-1", BACKEND, of("new-1")).status == 201
    assert send("DELETE", "Observation/new-1", LABS).status == 204
    found = send("POST", "Observation", MEASURER, of("x"), If_None_Exist="_id=lab-a")
    assert found.status == 200


def test_what_was_written_is_shown_only_to_who_may_read_it(send):
    assert send("PUT", "Observation/lab-a", BLIND, of("lab-a", value=43)).body
    vital = of("vit-a", category="vital-signs", value=44)
    for answer in (
        send("PUT", "Observation/vit-a", BLIND, vital),
        send("PUT", "Observation?_id=vit-a", BLIND, vital),
        send("POST", "Observation", BLIND, vital, If_None_Exist="_id=vit-a"),
    ):
        assert (answer.status, answer.body) == (200, b"")


def test_an_update_that_creates_needs_the_right_to_update(send):
    """https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html"""
    for id, path in (("new-2", "Observation/new-2"), ("new-3", "Observation?_id=new-3")):
        assert send("PUT", path, UPDATER, of(id)).status == 201
        assert send("DELETE", f"Observation/{id}", LABS).status == 204
        assert send("PUT", path, UPDATER, of(id)).status == 201


def test_a_condition_finds_only_what_the_caller_may_search(send):
    """What is another's is as if it were not there, so a new one is stored."""
    new = of("x", value=38)
    for criteria in ("_id=lab-f", "subject=Patient/b"):
        got = send("POST", "Observation", MEASURER, new, If_None_Exist=criteria)
        assert got.status == 201


def test_a_patient_who_moves_takes_their_record_along(send, written):
    north, south = DIVISION, READER
    assert written.wire.get("Observation/lab-c", north).status == 200
    assert written.wire.get("Observation/lab-c", south).status == 404
    moved = person("c", SOUTH, 3)
    assert send("PUT", "Patient/c", HOSPITALS["1"], moved).status == 200
    for path in ("Observation/lab-c", "Condition/con-c", "Patient/c"):
        assert written.wire.get(path, south).status == 200
        assert written.wire.get(path, north).status == 404


def test_the_owner_of_data_stays_who_stored_it_first(send, written):
    unit = BY_NAME["clinician-unit"]
    assert written.wire.get("Observation/a-at-3", unit).status == 200
    assert send("PUT", "Observation/a-at-3", NORTHERN, of("a-at-3", value=40)).status == 200
    assert written.wire.get("Observation/a-at-3", unit).status == 200
    assert Oracle(written.stored).versions["Observation", "a-at-3"][0].unit == "Organization/org-3"
