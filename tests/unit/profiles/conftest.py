"""The facts and the validator, made once for the tests of this room."""

import json

import pytest

from server import content
from server.fhir import json as fhir_json
from server.profiles import patch_operations, path_patch
from server.profiles.definitions import load
from server.profiles.invariants.items import Model
from server.profiles.places import Elements
from server.profiles.shapes import shapes
from server.profiles.structure import structure_validator
from server.profiles.xml import Xml
from tests.unit.profiles.profiling import Room


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
def elements(definitions):
    return Elements.of(shapes(definitions))


@pytest.fixture(scope="session")
def patched(elements):
    """Return a function that gives the text of a resource after operations, which may be texts."""

    def act(resource, *operations):
        document = resource if isinstance(resource, str) else json.dumps(resource)
        rows = [one if isinstance(one, str) else json.dumps(one) for one in operations]
        found = patch_operations.operations(
            fhir_json.exact(f'{{"parameter":[{",".join(rows)}]}}'.encode())
        )
        return path_patch.applied(elements, found, document.encode()).decode()

    return act


@pytest.fixture(scope="session")
def xml(definitions):
    return Xml.of(definitions, shapes(definitions), max_depth=64)


@pytest.fixture(scope="session")
def room(definitions):
    """Return a function that makes a Room in which some definitions are known."""

    model = Model(shapes(definitions))

    def made(*known):
        return Room(definitions, model, *known)

    return made
