"""Every operation that is defined is done, and every one that is done is defined and valid."""

import orjson
import pytest

from server import content
from server.operations.table import OPERATIONS
from server.services import Interpreters
from server.settings import Settings

FILES = sorted((content.PROFILES / "OperationDefinition").glob("*.json"))


@pytest.fixture(scope="module")
def interpreters():
    return Interpreters.of(Settings())


def test_definitions_and_functions_are_of_the_same_operations():
    assert {file.stem for file in FILES} == set(OPERATIONS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_definition_is_a_valid_resource(interpreters, file):
    resource = orjson.loads(file.read_bytes())
    assert interpreters.structure.faults(resource) == []


def test_no_two_operations_answer_to_one_url(interpreters):
    seen = set()
    for one in interpreters.operations.all:
        for level in one.levels:
            for type in {"*"} if level == "system" else one.types or interpreters.types:
                assert (one.code, level, type) not in seen
                seen.add((one.code, level, type))
