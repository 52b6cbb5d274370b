"""Sort keys are the least and the greatest of what stands in the resource."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.search import sortkeys
from server.search.units import rounded
from server.terminology.folding import folded

# FHIR's strings have no control characters and are not empty.
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=120)
written = texts.filter(lambda text: text.strip() != "")
numbers = st.integers(-10_000, 10_000).map(lambda number: number / 100)


def keys(index, resource, code):
    """Return the least and the greatest value of `code`, as they are stored."""
    plan, document = index.plans[resource["resourceType"]], index.entries(resource)
    (low,), (high,) = sortkeys.least(plan, code), sortkeys.greatest(plan, code)
    return at(document, low), at(document, high)


def at(document, path):
    field, _, code = path.partition(".")
    return document.get(field, {}).get(code) if code else document.get(field)


@given(st.lists(st.tuples(written, written), min_size=1, max_size=4))
def test_a_token_is_sorted_by_its_code_whatever_is_escaped_in_its_term(index, pairs):
    identifiers = [{"system": system, "value": value} for system, value in pairs]
    patient = {"resourceType": "Patient", "identifier": identifiers}
    values = [value[:100] for _, value in pairs]
    assert keys(index, patient, "identifier") == (min(values), max(values))


@given(st.lists(written, min_size=1, max_size=4))
def test_a_code_without_a_system_is_sorted_by_the_code(index, values):
    telecom = [{"system": "phone", "value": value} for value in values]
    patient = {"resourceType": "Patient", "telecom": telecom}
    shortened = [value[:100] for value in values]
    assert keys(index, patient, "telecom") == (min(shortened), max(shortened))


@given(st.lists(written, min_size=1, max_size=4))
def test_a_string_is_sorted_as_it_is_folded(index, families):
    patient = {"resourceType": "Patient", "name": [{"family": one} for one in families]}
    plain = [folded(one)[:100] for one in families]
    assert keys(index, patient, "family") == (min(plain), max(plain))


@given(st.lists(numbers, min_size=1, max_size=4))
def test_a_number_is_sorted_by_its_value(index, probabilities):
    prediction = [{"probabilityDecimal": one} for one in probabilities]
    risk = {"resourceType": "RiskAssessment", "prediction": prediction}
    exact = [rounded(one) for one in probabilities]
    assert keys(index, risk, "probability") == (min(exact), max(exact))


@pytest.mark.parametrize(
    ("canonical", "key"),
    [("http://a/b|2", "http://a/b|2"), ("http://a/b", "http://a/b"), ("#inside", None)],
)
def test_a_canonical_url_is_sorted_with_its_version(index, canonical, key):
    resource = {"resourceType": "CarePlan", "instantiatesCanonical": [canonical]}
    assert keys(index, resource, "instantiates-canonical") == (key, key)


def test_a_version_makes_no_difference_to_the_order_of_references(index):
    subject = {"reference": "Patient/1/_history/2"}
    assert keys(index, {"resourceType": "Observation", "subject": subject}, "subject") == (
        "Patient/1",
        "Patient/1",
    )


@pytest.mark.parametrize(
    ("type", "code", "fields"),
    [
        ("Patient", "_id", ("_id",)),
        ("Patient", "_lastUpdated", ("lu",)),
        ("Patient", "birthdate", ("ds",)),
        ("Patient", "gender", ("o.gender",)),
        ("Patient", "family", ("z.family",)),
        ("Observation", "subject", ("o.subject",)),
        ("Observation", "patient", ("pt",)),
        ("Observation", "combo-code", ("z.component-code", "z.code")),
        ("Observation", "code-value-quantity", ()),
        ("Location", "near", ()),
        ("Patient", "nothing", ()),
    ],
)
def test_the_greatest_is_kept_apart_where_there_can_be_several(index, type, code, fields):
    assert sortkeys.greatest(index.plans[type], code) == fields
