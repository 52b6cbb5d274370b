"""Sets of concepts: https://hl7.org/fhir/R4/valueset.html#compositions."""

from hypothesis import given
from hypothesis import strategies as st

from server.search.concepts import Codes, difference, intersection, size, union

UNIVERSE = "abcdef"
codes = st.builds(Codes, st.frozensets(st.sampled_from(UNIVERSE[:5])), st.booleans())
concepts = st.dictionaries(st.sampled_from("xyz"), codes)


def members(found):
    return {
        (system, code) for system, chosen in found.items() for code in UNIVERSE if code in chosen
    }


@given(concepts, concepts)
def test_sets_of_concepts_obey_the_algebra_of_sets(one, other):
    assert members(union([one, other])) == members(one) | members(other)
    assert members(intersection(one, other)) == members(one) & members(other)
    assert members(difference(one, other)) == members(one) - members(other)


@given(concepts, concepts, concepts)
def test_several_sets_are_taken_together(one, other, third):
    assert members(union([one, other, third])) == members(one) | members(other) | members(third)
    together = members(one) & members(other) & members(third)
    assert members(intersection(one, other, third)) == together


def test_no_set_at_all_has_no_concept():
    assert union([]) == {}
    assert size({"x": Codes(frozenset("ab")), "y": Codes(frozenset("c"), others=True)}) == 3
