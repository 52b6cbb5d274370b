"""What the conformance tests need from outside the project: HL7's R4 package."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def r4_package() -> Path:
    """Return the path of hl7.fhir.r4.examples 4.0.1, as published on npm."""
    given = os.environ.get("R4_PACKAGE")
    if not given:
        pytest.skip("needs HL7's package: set R4_PACKAGE to hl7.fhir.r4.examples-4.0.1.tgz")
    return Path(given)
