"""Sets of concepts: https://hl7.org/fhir/R4/valueset.html#compositions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search.code_systems import hierarchy
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


def code_system(*concepts, **elements):
    return {
        "resourceType": "CodeSystem",
        "url": "urn:s",
        "content": "complete",
        "concept": list(concepts),
        **elements,
    }


def concept(code, *inner, **properties):
    return {
        "code": code,
        "display": f"the {code}",
        "property": [{"code": name, "valueCode": value} for name, value in properties.items()],
        "concept": list(inner),
    }


NESTED = code_system(
    concept("animal", concept("dog", concept("pug")), concept("cat")),
    concept("plant", size="large"),
    concept("pet", child="dog"),
    concept("kitten", parent="cat", size="small"),
)


@pytest.mark.parametrize(
    ("code", "beneath", "above"),
    [
        ("animal", {"animal", "dog", "pug", "cat", "kitten"}, {"animal"}),
        ("dog", {"dog", "pug"}, {"dog", "animal", "pet"}),
        ("pug", {"pug"}, {"pug", "dog", "animal", "pet"}),
        ("pet", {"pet", "dog", "pug"}, {"pet"}),
        ("kitten", {"kitten"}, {"kitten", "cat", "animal"}),
        ("plant", {"plant"}, {"plant"}),
    ],
)
def test_a_concept_is_beneath_by_nesting_or_by_property(code, beneath, above):
    found = hierarchy(NESTED)
    assert found.beneath(code) == beneath
    assert found.above(code) == above


@pytest.mark.parametrize(
    ("property", "operator", "value", "codes"),
    [
        ("concept", "is-a", "dog", {"dog", "pug"}),
        ("code", "is-a", "dog", {"dog", "pug"}),
        ("concept", "descendent-of", "dog", {"pug"}),
        ("concept", "is-not-a", "animal", {"plant", "pet"}),
        ("concept", "generalizes", "cat", {"cat", "animal"}),
        ("concept", "=", "cat", {"cat"}),
        ("concept", "in", "cat, dog,unicorn", {"cat", "dog"}),
        ("concept", "not-in", "cat,dog,pug,pet,plant", {"animal", "kitten"}),
        ("parent", "=", "animal", {"dog", "cat"}),
        ("child", "=", "dog", {"animal", "pet"}),
        ("child", "exists", "false", {"pug", "plant", "kitten"}),
        ("parent", "exists", "true", {"dog", "cat", "pug", "kitten"}),
        ("size", "=", "small", {"kitten"}),
        ("size", "exists", "true", {"kitten", "plant"}),
        ("display", "=", "the cat", {"cat"}),
    ],
)
def test_filters_select_concepts(property, operator, value, codes):
    assert hierarchy(NESTED).selected(property, operator, value) == codes


@pytest.mark.parametrize(
    ("property", "operator", "value", "message"),
    [
        ("concept", "is-a", "unicorn", "search-code-unknown"),
        ("concept", "regex", "(a+)+$", "search-value-set-filter"),
        ("size", "is-a", "small", "search-value-set-filter"),
        ("size", "exists", "perhaps", "search-value-set-filter"),
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused(property, operator, value, message):
    with pytest.raises(BadRequest) as refusal:
        hierarchy(NESTED).selected(property, operator, value)
    assert refusal.value.issues[0].message == message


def test_concepts_in_a_circle_are_all_beneath_each_other():
    found = hierarchy(code_system(concept("a", parent="b"), concept("b", parent="a")))
    assert found.beneath("a") == found.above("a") == {"a", "b"}


@given(st.integers(2, 2000))
def test_depth_is_no_obstacle(depth):
    deep = concept("0")
    for n in range(1, depth):
        deep = concept(str(n), deep)
    assert len(hierarchy(code_system(deep)).beneath(str(depth - 1))) == depth


@pytest.mark.parametrize("content", ["not-present", "example", "fragment", "supplement"])
def test_a_system_that_is_not_complete_is_refused(content):
    with pytest.raises(BadRequest) as refusal:
        hierarchy(code_system(content=content))
    assert refusal.value.issues[0].message == "search-code-system-incomplete"


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdefz"), max_size=3)
    )
)
def test_what_is_above_is_what_one_is_beneath(parents):
    found = hierarchy(
        code_system(
            *(
                {"code": code, "property": [{"code": "parent", "valueCode": p} for p in above]}
                for code, above in parents.items()
            )
        )
    )
    for one in parents:
        for other in parents:
            assert (other in found.beneath(one)) == (one in found.above(other))
