"""HL7's own examples conform to the profiles that they claim, and so do their extensions.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

import orjson
import pytest

from server.services import Interpreters
from server.settings import Settings
from tests.conformance.test_structure_examples import INVALID, examples

LARGE = 1_000_000
BREAKING = {"Basic-referral.json": {"extension-modifier-unknown"}}
"""The modifier extensions of this example are made up, and defined nowhere."""


@pytest.fixture(scope="module")
def validator():
    return Interpreters.of(Settings()).validator


def test_no_official_example_breaks_a_profile_but_the_listed(r4_package, validator):
    read, claimed, found = 0, 0, {}
    for name, body in examples(r4_package):
        if name in INVALID or len(body) > LARGE:
            continue
        read += 1
        resource = orjson.loads(body)
        find = validator.guide.find
        profiles = validator.claims(resource, find).profiles
        claimed += len(profiles)
        issues = validator.conformance(resource, profiles, find)
        broken = {one.message for one in issues if one.severity == "error"}
        if broken:
            found[name] = broken
    assert read > 800
    assert claimed > 20
    assert found == BREAKING
