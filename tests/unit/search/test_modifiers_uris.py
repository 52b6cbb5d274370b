"""``:above`` and ``:below`` of URIs: https://hl7.org/fhir/R4/search.html#uri."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from tests.unit.search.asking import Kept, compared

URLS = [
    "http://acme.org/fhir/ValueSet/123",
    "http://acme.org/fhir/ValueSet/123/_history/5",
    "http://acme.org/fhir/ValueSet/1234",
    "http://acme.org/fhir/",
    "http://acme.org/fhir",
    "http://acme.org",
    "urn:oid:1.2.3",
]


def value_set(url):
    return {"resourceType": "ValueSet", "url": url}


@pytest.mark.parametrize(
    ("modifier", "text", "positions"),
    [
        ("below", "http://acme.org/fhir/", [0, 1, 2, 3]),
        ("below", "http://acme.org/fhir", [0, 1, 2, 3, 4]),
        ("below", "http://acme.org/fhir/ValueSet/123", [0, 1]),
        ("below", "http://acme.org", [0, 1, 2, 3, 4, 5]),
        ("below", "http://acme.or", []),
        ("below", "http://acme.org/.*", []),
        ("above", "http://acme.org/fhir/ValueSet/123/_history/5", [0, 1, 3, 4, 5]),
        ("above", "http://acme.org/fhir/ValueSet/123", [0, 3, 4, 5]),
        ("above", "http://acme.org/fhir/", [3, 4, 5]),
        ("above", "http://acme.org/fhir", [4, 5]),
        ("above", "http://other.org/fhir", []),
    ],
)
def test_paths_are_compared_by_segments(database, index, modifier, text, positions):
    assert Kept(database, index, list(map(value_set, URLS))).found("url", text, modifier) == (
        positions
    )


_URLS = st.lists(st.sampled_from(["a", "b", "ab", "", "a.b"]), min_size=1, max_size=5).map(
    lambda segments: "http://h/" + "/".join(segments)
)


def is_below(value, asked):
    """By definition: the same, or what is asked, with a slash at its end, starts it."""
    return value == asked or value.startswith(asked if asked.endswith("/") else f"{asked}/")


@settings(max_examples=40, deadline=None)
@given(st.lists(_URLS, min_size=1, max_size=8), _URLS)
def test_above_is_below_turned_round(database, index, urls, asked):
    kept = Kept(database, index, list(map(value_set, urls)))
    below = [position for position, url in enumerate(urls) if is_below(url, asked)]
    above = [position for position, url in enumerate(urls) if is_below(asked, url)]
    assert kept.found("url", asked, "below") == below
    assert kept.found("url", asked, "above") == above


def test_profiles_and_sources_have_paths(database, index):
    meta = {"profile": ["http://a.org/p/q|1.0"], "source": "http://a.org/s/1#2"}
    kept = Kept(database, index, [{"resourceType": "Patient", "meta": meta}])
    assert kept.found("_profile", "http://a.org/p", "below") == [0]
    assert kept.found("_profile", "http://a.org/p/q/r", "above") == [0]
    assert kept.found("_source", "http://a.org/s", "below") == [0]
    assert kept.found("_source", "http://a.org/p", "below") == []


@pytest.mark.parametrize("modifier", ["above", "below"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("urn:oid:1.2.3", "search-uri-no-path"),
        ("ValueSet/1", "search-uri-no-path"),
        ("http://", "search-uri-no-path"),
        ("http:///a", "search-uri-no-path"),
        ("http://a/" + "b" * 10_000, "search-value-too-long"),
    ],
)
def test_what_has_no_path_is_refused(index, modifier, text, message):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "ValueSet", "url", text, modifier)
    issue = refused.value.issues[0]
    assert (issue.message, issue.text("zh") != issue.text("en")) == (message, True)


def test_a_path_has_a_bounded_depth(index):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "ValueSet", "url", "http://a" + "/" * 65, "above")
    assert refused.value.issues[0].message == "search-uri-too-deep"
    assert compared(index.plans, "ValueSet", "url", "http://a" + "/" * 64, "above")
