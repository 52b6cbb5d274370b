"""The kinds of numbers as they come with the server, and the rules on a fixed day."""

from datetime import date

import pytest

from server import content
from server.profiles.identity_numbers import kinds
from server.profiles.identity_rules import IdentityRules, checks

TODAY = date(2026, 11, 28)


@pytest.fixture(scope="session")
def known():
    return kinds.load(content.PROFILES / "identity")


@pytest.fixture(scope="session")
def by_name(known):
    """Return the kinds of numbers by their names."""
    return {kind.name: kind for kind in known.by_system.values()}


@pytest.fixture(scope="session")
def told(known):
    """Return a function that gives (severity, message, expression) of what the rules find."""
    rules = checks(IdentityRules(known, lambda: TODAY))
    base = "https://tongkang.example/fhir/StructureDefinition/cn-"

    def found(resource, profile="patient"):
        issues = rules[f"{base}{profile}"](resource)
        return [(one.severity, one.message, one.expression) for one in issues]

    return found
