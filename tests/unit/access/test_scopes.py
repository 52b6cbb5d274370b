"""https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.access.scopes import LETTERS, Scope, Scopes, parse


def one(text):
    (scope,) = parse(text).clinical
    return scope


@pytest.mark.parametrize(
    ("text", "level", "type", "letters"),
    [
        ("patient/Observation.rs", "patient", "Observation", "rs"),
        ("user/*.cruds", "user", "*", "cruds"),
        ("system/Patient.c", "system", "Patient", "c"),
        ("patient/Patient.read", "patient", "Patient", "rs"),
        ("patient/Patient.write", "patient", "Patient", "cud"),
        ("user/*.*", "user", "*", "cruds"),
        ("http://smarthealthit.org/fhir/scopes/patient/Patient.r", "patient", "Patient", "r"),
    ],
)
def test_a_scope_says_what_may_be_done(text, level, type, letters):
    scope = one(text)
    assert (scope.level, scope.type, scope.letters) == (level, type, frozenset(letters))
    assert scope.text == text


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.", "patient/Observation.dus", "patient/Observation.rr",
        "patient/Observation.Read", "PATIENT/Observation.rs", "patient/observation.rs",
        "patient/Observation.rs?", "patient/Observation.rs?category", "patient/Observation.rs#x",
        "patient/Observation.rs?category=", "patient/Observation.rs?=x",
        "patient/Observation.rs?a=%zz",
        "patient/Observation.rs?a=%ff", "patient/.rs", "patient/*",
        "patient/Observation",
        "all/*.rs",
        "patient/Observation.rs?a=b?c=d", "patient/Observation.rs\\", 'patient/"Observation".rs',
        "patient/观察.rs",
        "patient/**.rs", "patient/Observation.rs.rs", "patient/Observation.*s",
        "patient//Observation.rs",
        "patient/Observation.rs?a=居民", "launch/Patient", "OpenID", "offline", "*", "system",
        "patient/Observation.rs\n",
    ],
)  # fmt: skip
def test_what_is_not_well_formed_gives_nothing_at_all(text):
    scopes = parse(text)
    assert not scopes.clinical
    assert not scopes.words
    assert scopes.malformed == (text,)


def test_a_constraint_is_read_as_a_query_is():
    scope = one("patient/Observation.rs?code=http%3A%2F%2Floinc.org%7C1,2&category=a%20b")
    assert scope.constraint == (("category", "a b"), ("code", "http://loinc.org|1,2"))


def test_the_spelling_is_kept_and_nothing_comes_twice():
    text = "launch/patient openid patient/Patient.read patient/Patient.read  fhirUser"
    assert parse(text).text == "launch/patient openid fhirUser patient/Patient.read"


SCOPES = st.builds(
    Scope,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Patient", "Observation"]),
    st.frozensets(st.sampled_from(LETTERS), min_size=1),
    st.lists(
        st.tuples(st.sampled_from(["code", "category"]), st.text(min_size=1, max_size=9)),
        max_size=2,
        unique=True,
    ).map(lambda pairs: tuple(sorted(pairs))),
)


def allowed(scopes):
    """All (level, type, letter, constraint) that `scopes` allow, of two types and any other."""
    return {
        (scope.level, type, letter, scope.constraint)
        for scope in scopes
        for type in (["Patient", "Observation", "Other"] if scope.type == "*" else [scope.type])
        for letter in scope.letters
    }


@given(st.lists(SCOPES, max_size=3), st.lists(SCOPES, max_size=3))
def test_scopes_cover_no_more_than_they_allow(granted, asked):
    covered = Scopes(tuple(granted)).cover(Scopes(tuple(asked)))
    wider = {(level, type, letter) for level, type, letter, _ in allowed(granted)}
    narrower = {(level, type, letter) for level, type, letter, _ in allowed(asked)}
    if covered:
        assert narrower <= wider
    elif allowed(asked) <= allowed(granted) and all(one.type != "*" for one in asked):
        pytest.fail("what is allowed, letter for letter, was not covered")


@given(st.lists(SCOPES, max_size=4))
def test_scopes_cover_themselves(scopes):
    assert Scopes(tuple(scopes)).cover(Scopes(tuple(scopes)))


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        ("patient/*.rs", "patient/Observation.r", True),
        ("patient/Observation.r patient/Observation.s", "patient/Observation.rs", True),
        ("patient/Observation.rs", "patient/*.rs", False),
        ("patient/Observation.rs", "user/Observation.rs", False),
        ("patient/Observation.rs", "patient/Observation.rs?category=x", True),
        ("patient/Observation.rs?category=x", "patient/Observation.rs", False),
        ("patient/Observation.rs?category=x", "patient/Observation.rs?category=x&code=y", True),
        ("patient/Patient.read", "patient/Patient.rs", True),
        ("openid", "openid fhirUser", False),
    ],
)
def test_a_refresh_may_narrow_and_never_widen(granted, asked, covered):
    assert parse(granted).cover(parse(asked)) is covered
