"""``:identifier`` of references: https://hl7.org/fhir/R4/search.html#reference."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from tests.unit.search.asking import Kept, compared
from tests.unit.search.test_modifiers_strings import written


def observation(identifier, **reference):
    return {"resourceType": "Observation", "subject": {"identifier": identifier, **reference}}


STORED = [
    observation({"system": "urn:a", "value": "1"}),
    observation({"value": "1"}),
    observation({"system": "urn:a", "value": "2"}, type="Patient"),
    observation({"system": "urn:a"}),
    observation({"system": "urn:a", "value": "1"}, reference="Patient/9"),
    observation({"system": "urn:a", "value": "1"}, reference="Group/9"),
    {"resourceType": "Observation", "subject": {"reference": "Patient/1"}},
]


@pytest.mark.parametrize(
    ("code", "text", "positions"),
    [
        ("subject", "urn:a|1", [0, 4, 5]),
        ("subject", "1", [0, 1, 4, 5]),
        ("subject", "|1", [1]),
        ("subject", "urn:a|", [0, 2, 3, 4, 5]),
        ("subject", "urn:b|1", []),
        ("subject", "Patient/1", []),
        ("patient", "urn:a|2", [2]),
        ("patient", "urn:a|1", [4]),
        ("patient", "urn:a|", [2, 4]),
    ],
)
def test_a_logical_reference_is_found_by_its_identifier(database, index, code, text, positions):
    assert Kept(database, index, STORED).found(code, text, "identifier") == positions


def test_its_terms_come_in_one_order_in_every_process(index):
    # `tongkang verify` compares what one process wrote with what another would.
    terms = index.entries(observation({"value": "1"}, type="Patient"))["t"]
    found = [term for term in terms if term.startswith("subject:identifier")]
    assert found == [
        "subject:identifier=1",
        "subject:identifier=|1",
        "subject:identifier:Patient=1",
        "subject:identifier:Patient=|1",
    ]


def test_an_identifier_is_no_reference(database, index):
    kept = Kept(database, index, STORED)
    assert kept.found("subject", "1") == [6]
    assert kept.found("patient", "Patient/9") == [4]


@pytest.mark.parametrize("text", ["|", "a|b|c"])
def test_an_identifier_is_written_like_a_token(index, text):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "Observation", "subject", text, "identifier")
    assert refused.value.issues[0].message == "search-token-invalid"


_PARTS = st.text(alphabet="a|\\,$:=", min_size=1, max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(_PARTS, _PARTS), min_size=1, max_size=5), st.tuples(_PARTS, _PARTS))
def test_system_and_value_are_compared_character_by_character(database, index, pairs, wanted):
    stored = [observation({"system": system, "value": value}) for system, value in pairs]
    asked = "|".join(map(written, wanted))
    expected = [position for position, pair in enumerate(pairs) if pair == wanted]
    assert Kept(database, index, stored).found("subject", asked, "identifier") == expected
