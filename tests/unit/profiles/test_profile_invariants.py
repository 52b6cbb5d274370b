"""The invariants of profiles, and what is done with those that cannot be evaluated.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

import time

import pytest

from tests.unit.profiles.profiling import patient, profile


def constrained(expression, path="Patient", severity="error"):
    constraint = {"key": "a-1", "severity": severity, "human": "a", "expression": expression}
    row = {"constraint": [constraint]}
    if path != "Patient":
        return profile((path, row))
    definition = profile()
    definition["differential"]["element"][0].update(row)
    return definition


@pytest.mark.parametrize(
    ("expression", "good", "bad"),
    [
        ("name.exists()", {"name": [{}]}, {}),
        ("gender = 'male' implies name.exists()", {"gender": "female"}, {"gender": "male"}),
        ("identifier.where(system = 'urn:a').count() <= 1", {},
         {"identifier": [{"system": "urn:a"}] * 2}),
        ("name.all(family.exists())", {"name": [{"family": "a"}]}, {"name": [{"text": "a"}]}),
        ("name.family.distinct().count() = name.family.count()", {"name": [{"family": "a"}]},
         {"name": [{"family": "a"}, {"family": "a"}]}),
        ("name.text.matches('^[a-z]+$')", {"name": [{"text": "ab"}]}, {"name": [{"text": "1"}]}),
        ("name.text.length() < 3", {"name": [{"text": "ab"}]}, {"name": [{"text": "abc"}]}),
        ("birthDate < @2020-01-01", {"birthDate": "2019-01-01"}, {"birthDate": "2021-01-01"}),
        ("name.last().use = 'old'", {"name": [{}, {"use": "old"}]}, {"name": [{"use": "usual"}]}),
        ("extension('urn:a').exists()", {"extension": [{"url": "urn:a", "valueCode": "a"}]}, {}),
        ("deceased is boolean", {"deceasedBoolean": True}, {"deceasedDateTime": "2020"}),
        ("gender.upper() = 'MALE'", {"gender": "male"}, {"gender": "female"}),
        ("name.use.subsetOf('old' | 'usual')", {"name": [{"use": "old"}]},
         {"name": [{"use": "temp"}]}),
        ("name.text.endsWith('a') or name.skip(1).exists()", {"name": [{"text": "ba"}]},
         {"name": [{"text": "b"}]}),
    ],
)  # fmt: skip
def test_an_invariant_holds_or_not(room, expression, good, bad):
    judge, definition = room(), constrained(expression)
    assert judge.errors(definition, patient(**good)) == []
    assert judge.errors(definition, patient(**bad)) == [("profile-invariant", "Patient")]


def test_it_is_told_where_it_does_not_hold(room):
    definition = constrained("text.exists()", "Patient.name")
    given = patient(name=[{"text": "a"}, {"family": "b"}])
    assert room().errors(definition, given) == [("profile-invariant", "Patient.name[1]")]


def test_one_that_only_warns_warns(room):
    told = room().issues(constrained("name.exists()", severity="warning"), patient())
    assert told == [("warning", "profile-invariant", "Patient")]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "name.(",
        "name.nonsense()",
        "%unknown.exists()",
        "name.text.matches()",
        "name.where()",
        "1 + 'a' = 2",
        "'a' + 1 = 2",
        "a" * 5000,
        "(" * 3000,
    ],
)
def test_one_that_cannot_be_evaluated_is_told_to_be_unread(room, expression):
    told = room().issues(constrained(expression), patient(name=[{"text": "a"}]))
    assert [one for one in told if one[0] == "error"] == []
    assert ("warning", "profile-invariant-unread", "Patient") in told


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(.*)*b", "([a-z]+){2,}$", "a*a*a*a*a*b", "(?:a{1,9}){1,9}b"]
)
def test_a_pattern_that_could_take_for_ever_is_not_tried(room, pattern):
    stored = room()
    stored.guide = stored.guide.above({}.get)
    given = patient(name=[{"text": "a" * 5000}])
    begun = time.process_time()
    told = stored.issues(constrained(f"name.text.matches('{pattern}')"), given)
    assert time.process_time() - begun < 5
    assert told == [("warning", "profile-invariant-unread", "Patient")]


def test_what_takes_too_long_is_an_error(room):
    definition = constrained("name.all(%resource.name.where(family.exists()).empty())")
    told = room().issues(definition, patient(name=[{"text": "a"}] * 900))
    assert told[-1] == ("error", "profile-too-costly", "Patient")
