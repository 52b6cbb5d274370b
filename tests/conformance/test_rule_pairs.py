"""Of a good resource and one with a single change, the validator takes the good and not the bad.

There are at least 200 pairs for each family of rules. They are made from what profiles say, by the
specification; which element is at fault is told with each.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import re

import pytest

from tests.pairs.families import CANONICAL, FAMILIES, interpreters, pairs

LEAST = 200


def errors(pair, resource):
    """Return the places of the errors that `resource` has by the profile of `pair`."""
    validator = interpreters().validator
    if isinstance(pair.profile, str):
        found = validator.faults(resource, [CANONICAL + pair.profile])
    else:
        guide = validator.guide
        found = validator.conformance(resource, [guide.compiled(pair.profile)], guide.find)
    return [one.expression for one in found if one.severity == "error"]


def is_near(one, other):
    """Tell whether one of two places is right inside the other, or both in the same element."""
    short, long = sorted((_parts(one), _parts(other)), key=len)
    is_inside = long[: len(short)] == short and len(long) - len(short) <= 2
    return is_inside or (long[:-1] == short[:-1] and len(short) > 2)


def _parts(path):
    named = re.sub(
        r"\b(value|effective|performed|onset|occurrence|item|age|medication)[A-Z]\w*", r"\1", path
    )
    return re.sub(r"\[\d+\]|`", "", named).split(".")


@pytest.mark.parametrize("family", [*FAMILIES, "identity"])
def test_the_good_is_taken_and_the_bad_is_refused(family):
    wrong, bad, judged = [], 0, {}
    for pair in pairs(family):
        key = (pair.seed, str(pair.profile))
        if key not in judged:
            judged[key] = errors(pair, pair.good)
        found = errors(pair, pair.resource)
        bad += not pair.is_good
        is_told = any(is_near(pair.where, place or "") for place in found)
        if judged[key] or (bool(found) if pair.is_good else not is_told):
            wrong.append((pair.seed, pair.what, pair.where, judged[key], found))
    assert wrong == []
    assert bad >= LEAST
