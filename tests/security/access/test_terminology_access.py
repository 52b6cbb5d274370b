"""Codes tell of nobody: any token may ask what they mean, and nobody without one.

An instance in the URL is read like any resource, so it needs the right to it.
"""

import pytest

from tests.security.access.shapes import person
from tests.security.access.tokens import NORTH, app, staff
from tests.security.access.world import HOSPITALS, WHOLE, database_name, serving

ANY = (
    staff("few", "clinician", "user/Condition.rs", divisions=(NORTH,), division=NORTH),
    staff("audit", "auditor", "user/AuditEvent.rs"),
    app("app", "patient/Observation.rs", "Patient/n"),
)
GENDER = "http://hl7.org/fhir/administrative-gender"
ASKED = (
    f"CodeSystem/$lookup?system={GENDER}&code=male",
    f"CodeSystem/$validate-code?url={GENDER}&code=male",
    f"CodeSystem/$subsumes?system={GENDER}&codeA=male&codeB=female",
    "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender",
    (
        "ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender"
        f"&system={GENDER}&code=male"
    ),
    f"ConceptMap/$translate?system={GENDER}&code=male",
)


@pytest.fixture(scope="module")
def wire(mongodb_url, tmp_path_factory):
    """A server with one patient, and a value set."""
    log = tmp_path_factory.mktemp("terminology") / "server.log"
    value_set = {
        "resourceType": "ValueSet", "id": "v", "status": "active",
        "compose": {"include": [{"system": GENDER}]},
    }  # fmt: skip
    with serving(mongodb_url, log, database_name()) as wire:
        assert wire.send("PUT", "Patient/n", HOSPITALS["1"], person("n", NORTH, 1)).status == 201
        assert wire.send("PUT", "ValueSet/v", WHOLE, value_set).status == 201
        yield wire


@pytest.mark.parametrize("path", ASKED)
def test_any_token_may_ask_and_nobody_without_one(wire, path):
    assert [wire.get(path, token).status for token in ANY] == [200, 200, 200]
    assert wire.get(path, None).status == 401


def test_an_instance_needs_the_right_to_read_it(wire):
    path = "ValueSet/v/$expand"
    assert wire.get(path, WHOLE).status == 200
    assert {wire.get(path, token).status for token in ANY} <= {403, 404}
