"""What the CapabilityStatement says in words, because R4 has no element for it."""

import json
from dataclasses import replace

import pytest

from server.interactions.statement import statement
from server.services import Interpreters
from server.settings import Settings


@pytest.fixture(scope="module")
def interpreters():
    return Interpreters.of(Settings())


def described(interpreters, access):
    """Return what is said of security."""
    of_this_access = replace(interpreters, settings=Settings(access=access))
    return json.loads(statement(of_this_access))["rest"][0]["security"]["description"]


def test_it_says_in_both_languages_that_only_systems_choose_ids(interpreters):
    """updateCreate is of a type, not of a caller: D37."""
    said = described(interpreters, "oauth")
    assert "只有信息系统可以自定资源的 id" in said
    assert "Only systems choose the ids" in said


def test_a_server_that_asks_nobody_says_so(interpreters):
    said = described(interpreters, "open")
    assert "不询问来者是谁" in said
    assert "Nobody is asked" in said
    assert "systems" not in said
