"""Code systems in memory, and the filters that choose of their concepts.

https://hl7.org/fhir/R4/valueset-filter-operator.html
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import TooCostly, Unprocessable
from server.terminology import filters
from server.terminology.expressions import Beneath
from server.terminology.systems import table


def chosen(resource, property, operator, value):
    """The codes that a filter chooses."""
    system = table(resource)
    filter = {"property": property, "op": operator, "value": value}
    wanted = filters.expression("urn:s", system, filter)
    found = {one.code for one in system.chosen(wanted, 0, 10_000)}
    assert system.count(wanted) == len(found)
    return found


def beneath(system, code):
    return {one.code for one in system.chosen(Beneath(code), 0, 10_000)}


def above(system, code):
    return system.concepts((code,))[code].ancestors


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
    ("code", "down", "up"),
    [
        ("animal", {"animal", "dog", "pug", "cat", "kitten"}, {"animal"}),
        ("dog", {"dog", "pug"}, {"dog", "animal", "pet"}),
        ("pug", {"pug"}, {"pug", "dog", "animal", "pet"}),
        ("pet", {"pet", "dog", "pug"}, {"pet"}),
        ("kitten", {"kitten"}, {"kitten", "cat", "animal"}),
        ("plant", {"plant"}, {"plant"}),
    ],
)
def test_a_concept_is_beneath_by_nesting_or_by_property(code, down, up):
    found = table(NESTED)
    assert beneath(found, code) == down
    assert above(found, code) == up


@pytest.mark.parametrize(
    ("property", "operator", "value", "codes"),
    [
        ("concept", "is-a", "dog", {"dog", "pug"}),
        ("code", "is-a", "dog", {"dog", "pug"}),
        ("concept", "descendent-of", "dog", {"pug"}),
        ("concept", "is-not-a", "animal", {"plant", "pet"}),
        ("concept", "generalizes", "cat", {"cat", "animal"}),
        ("concept", "=", "cat", {"cat"}),
        ("code", "regex", "[a-c].*", {"animal", "cat"}),
        ("code", "regex", "a", set()),
        ("display", "regex", "the p.*", {"pug", "plant", "pet"}),
        ("size", "regex", "(a+)+", set()),
        ("size", "in", "small,medium", {"kitten"}),
        ("size", "not-in", "small,large", {"animal", "dog", "pug", "cat", "pet"}),
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
    assert chosen(NESTED, property, operator, value) == codes


@pytest.mark.parametrize(
    ("property", "operator", "value", "message"),
    [
        ("concept", "is-a", "unicorn", "code-unknown"),
        ("concept", "regex", "(", "value-set-filter"),
        ("concept", "regex", "(?=a)", "value-set-filter"),
        ("size", "is-a", "small", "value-set-filter"),
        ("size", "exists", "perhaps", "value-set-filter"),
        ("size", "like", "s", "value-set-filter"),
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused(property, operator, value, message):
    with pytest.raises(Unprocessable) as refusal:
        chosen(NESTED, property, operator, value)
    assert refusal.value.issues[0].message == message


def test_a_pattern_takes_time_in_proportion_to_the_text():
    long = code_system(*({"code": "a" * 180 + str(n)} for n in range(500)))
    assert chosen(long, "code", "regex", "(a|aa|a+)*b") == set()


def test_concepts_in_a_circle_are_all_beneath_each_other():
    found = table(code_system(concept("a", parent="b"), concept("b", parent="a")))
    assert beneath(found, "a") == above(found, "a") == {"a", "b"}


@given(st.integers(2, 100))
def test_a_hierarchy_may_be_deep(depth):
    deep = concept("0")
    for n in range(1, depth):
        deep = concept(str(n), deep)
    assert len(beneath(table(code_system(deep)), str(depth - 1))) == depth


def test_a_hierarchy_that_is_deeper_than_any_real_one_is_refused():
    chain = [concept(str(n), parent=str(n + 1)) for n in range(5000)]
    with pytest.raises(TooCostly):
        table(code_system(*chain))


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdefz"), max_size=3)
    )
)
def test_what_is_above_is_what_one_is_beneath(parents):
    found = table(
        code_system(
            *(
                {"code": code, "property": [{"code": "parent", "valueCode": p} for p in above]}
                for code, above in parents.items()
            )
        )
    )
    for one in parents:
        for other in parents:
            assert (other in beneath(found, one)) == (one in above(found, other))
