"""What the conformance tests need: the terminology that is shipped and, from outside the project,
HL7's R4 package and the tables of Chinese facts.
"""

import os
from functools import cache
from pathlib import Path

import pytest

from server import content
from server.fhir import json


@pytest.fixture(scope="session")
def r4_package() -> Path:
    """Return the path of hl7.fhir.r4.examples 4.0.1, as published on npm."""
    given = os.environ.get("R4_PACKAGE")
    if not given:
        pytest.skip("needs HL7's package: set R4_PACKAGE to hl7.fhir.r4.examples-4.0.1.tgz")
    return Path(given)


@pytest.fixture(scope="session")
def chinese_facts() -> Path:
    """Return the folder of the tables that the terminology was made from."""
    given = os.environ.get("CN")
    if not given:
        pytest.skip("needs the tables of Chinese facts: set CN to their folder")
    return Path(given)


@pytest.fixture(scope="session")
def terminology():
    """Return a function that returns the shipped resources of a type by their ids."""

    @cache
    def of(type):
        files = (content.TERMINOLOGY / type).glob("*.json")
        return {file.stem: json.parse(file.read_bytes(), 100)[0] for file in sorted(files)}

    return of
