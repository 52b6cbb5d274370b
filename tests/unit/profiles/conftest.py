"""The facts and the validator, made once for the tests of this room."""

import pytest

from server import content
from server.profiles.definitions import load
from server.profiles.shapes import shapes
from server.profiles.structure import structure_validator
from server.profiles.xml import Xml


@pytest.fixture(scope="session")
def definitions():
    return load(content.PROFILES / "r4")


@pytest.fixture(scope="session")
def validator(definitions):
    return structure_validator(definitions)


@pytest.fixture
def faults(validator):
    """Return a function that gives the (expression, message) pairs of a resource's faults."""

    def found(resource):
        issues = validator.faults(resource)
        assert validator.is_valid(resource) == (not issues)
        return [(issue.expression, issue.message) for issue in issues]

    return found


@pytest.fixture(scope="session")
def xml(definitions):
    return Xml.of(definitions, shapes(definitions), max_depth=64)
