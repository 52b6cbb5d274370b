"""The versions that If-Match and If-None-Match name.

Spec: RFC 9110 section 8.8.3, https://hl7.org/fhir/R4/http.html#concurrency
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.interactions.call import entity_tags


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ('W/"1"', {"1"}),
        ('"1"', {"1"}),
        (' W/"1" ', {"1"}),
        ('W/"1", "2",W/"3"', {"1", "2", "3"}),
        ("*", {"*"}),
        (' * ', {"*"}),
        ('""', {""}),
        ("1", {"1"}),
        ('W/"abc"', {"abc"}),
    ],
)  # fmt: skip
def test_versions_are_named_by_weak_or_strong_tags(text, versions):
    assert entity_tags(text) == versions


@pytest.mark.parametrize("text", ["", "W/", 'w/"1"', 'W/"1', '"1" "2"', '*, "1"', 'W/"1",', "W/1"])
def test_what_is_no_list_of_tags_is_refused(text):
    with pytest.raises(BadRequest):
        entity_tags(text)


@given(st.lists(st.from_regex(r"[1-9][0-9]{0,5}", fullmatch=True), min_size=1), st.booleans())
def test_every_version_in_a_list_is_found(versions, weak):
    text = ", ".join(f'{"W/" if weak else ""}"{version}"' for version in versions)
    assert entity_tags(text) == set(versions)
