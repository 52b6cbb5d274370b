"""What the conformance tests need from outside the project: HL7's R4 package."""

import os
from pathlib import Path

import pytest

from server import content


@pytest.fixture(scope="session")
def r4_package() -> Path:
    """Return the path of hl7.fhir.r4.examples 4.0.1, as published on npm."""
    given = os.environ.get("TONGKANG_R4_PACKAGE")
    shared = content.ROOT.parent / "shared" / "r4"
    places = [Path(given)] if given else sorted(shared.glob("*.tgz"))
    for place in places:
        if place.is_file():
            return place
    pytest.skip("needs HL7's package: set TONGKANG_R4_PACKAGE to hl7.fhir.r4.examples-4.0.1.tgz")
