"""Which types a resource can tell of follows from what its elements can refer to."""

import pytest

from server.profiles.mentions import mentions


@pytest.mark.parametrize(
    ("type", "told"),
    [
        ("Observation", {"Patient", "Practitioner", "Organization", "Specimen"}),
        ("Encounter", {"Patient", "RelatedPerson", "Condition"}),
        ("List", {"Patient", "Person", "Observation"}),
        ("Provenance", {"Patient", "Person"}),
        ("Bundle", {"Patient", "Person"}),
        ("Composition", {"Patient", "Person"}),
        # By way of a data type: an author of an annotation, a signature's signer.
        ("Specimen", {"RelatedPerson"}),
        ("Organization", {"Organization"}),
    ],
)
def test_a_type_mentions_what_it_can_refer_to(definitions, type, told):
    assert told <= mentions(definitions, type)


@pytest.mark.parametrize("type", ["Organization", "Location", "Medication"])
def test_a_type_that_refers_to_no_person_mentions_none(definitions, type):
    assert {"Patient", "Person", "RelatedPerson"}.isdisjoint(mentions(definitions, type))
