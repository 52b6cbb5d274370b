"""The text of _filter as a tree: https://hl7.org/fhir/R4/search_filter.html."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search.filter_grammar import (
    DEEPEST,
    LONGEST,
    MOST_COMPARISONS,
    OPERATORS,
    Comparison,
    Joined,
    Not,
    Step,
    parse,
)

A, B, C = (Comparison((Step(name),), "eq", "1") for name in "abc")


def printed(tree):
    match tree:
        case Comparison(path, operator, value):
            bare = re.fullmatch(r'(?!")[^\s\])]+', value)
            written = value if bare else json.dumps(value, ensure_ascii=False)
            return f"{'.'.join(map(printed_step, path))} {operator} {written}"
        case Not(inner):
            return f"not ({printed(inner)})"
        case Joined(word, parts):
            return f" {word} ".join(
                f"({printed(part)})" if isinstance(part, Joined) else printed(part)
                for part in parts
            )


def printed_step(step):
    return step.code if step.where is None else f"{step.code}[{printed(step.where)}]"


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,5}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def comparisons(filters):
    steps = st.builds(Step, names, st.none() | filters)
    paths = st.tuples(st.lists(steps, max_size=2).map(tuple), st.builds(Step, names))
    path = paths.map(lambda pair: (*pair[0], pair[1]))
    compared = st.builds(Comparison, path, st.sampled_from(sorted(OPERATORS - {"pr"})), values)
    present = st.builds(Comparison, path, st.just("pr"), st.sampled_from(["true", "false"]))
    return compared | present


def larger(filters):
    parts = st.lists(filters, min_size=2, max_size=3).map(tuple)
    return (
        comparisons(filters)
        | st.builds(Not, filters)
        | st.builds(Joined, st.sampled_from(["and", "or"]), parts)
    )


trees = st.recursive(comparisons(st.nothing()), larger, max_leaves=8)


@given(trees)
def test_a_tree_that_is_written_down_is_read_again(tree):
    assert parse(printed(tree)) == tree


@given(st.text() | st.from_regex(r"[a-z.\[\]()\" \\]{0,40}"))
def test_any_text_is_a_filter_or_refused_in_words(text):
    try:
        outcome = printed(parse(text))
    except BadRequest as refusal:
        assert all(issue.text("zh") and issue.text("en") for issue in refusal.issues)  # noqa: PT017
    else:
        assert printed(parse(outcome)) == outcome


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('name co "pet"', Comparison((Step("name"),), "co", "pet")),
        (
            'given eq "peter" and birthdate ge 2014-10-10',
            Joined(
                "and",
                (
                    Comparison((Step("given"),), "eq", "peter"),
                    Comparison((Step("birthdate"),), "ge", "2014-10-10"),
                ),
            ),
        ),
        (
            "code eq http://loinc.org|1234-5",
            Comparison((Step("code"),), "eq", "http://loinc.org|1234-5"),
        ),
        ('subject.name co "pet"', Comparison((Step("subject"), Step("name")), "co", "pet")),
        (
            "related[type eq has-component].target re Observation/4",
            Comparison(
                (
                    Step("related", Comparison((Step("type"),), "eq", "has-component")),
                    Step("target"),
                ),
                "re",
                "Observation/4",
            ),
        ),
    ],
)
def test_the_examples_of_the_specification(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a eq 1 or b eq 1 and c eq 1", Joined("and", (Joined("or", (A, B)), C))),
        ("a eq 1 and b eq 1 or c eq 1", Joined("or", (Joined("and", (A, B)), C))),
        ("a eq 1 or (b eq 1 and c eq 1)", Joined("or", (A, Joined("and", (B, C))))),
        ("a eq 1 and b eq 1 and c eq 1", Joined("and", (A, B, C))),
        ("(a eq 1 and b eq 1) and c eq 1", Joined("and", (Joined("and", (A, B)), C))),
        ("not (a eq 1) or not(b eq 1)", Joined("or", (Not(A), Not(B)))),
        ("not (a eq 1 or b eq 1)", Not(Joined("or", (A, B)))),
        ("  (( a eq 1 ))  ", A),
        ("\ta\u3000eq\n1", A),
        ("a EQ 1", A),
        ("(a eq 1)and(b eq 1)", Joined("and", (A, B))),
        ("not eq 1", Comparison((Step("not"),), "eq", "1")),
        ("and eq and", Comparison((Step("and"),), "eq", "and")),
        ('a eq "1"', A),
        (r'a eq "\"\u9648\\) and ]"', Comparison((Step("a"),), "eq", '"陈\\) and ]')),
        ("a eq (1", Comparison((Step("a"),), "eq", "(1")),
        ("a eq -5.0|ucum|mg", Comparison((Step("a"),), "eq", "-5.0|ucum|mg")),
    ],
)
def test_how_a_filter_is_read(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "expected", "position"),
    [
        ("", "parameter", 1),
        ("   ", "parameter", 4),
        ("1a eq 1", "parameter", 1),
        ("a eq 1 and", "parameter", 11),
        ("not ()", "parameter", 6),
        ("a.", "parameter", 3),
        ("subject:Patient.name eq 1", "operator", 8),
        ("a", "operator", 2),
        ("a = 1", "operator", 3),
        ("a like 1", "operator", 3),
        ("a eq", "value", 5),
        ("a eq ", "value", 6),
        ("(a eq )", "value", 7),
        ("a pr maybe", "boolean", 6),
        ('a eq "x', "quote", 8),
        (r'a eq "\q"', "string", 6),
        (r'a eq "\ud800"', "string", 6),
        ("a eq 1 b eq 1", "word", 8),
        ("a eq 1 AND b eq 1", "word", 8),
        ("a eq 1 andb eq 1", "word", 8),
        ("a eq 1)", "word", 7),
        ("(a eq 1", "parenthesis", 8),
        ("(a eq 1]", "parenthesis", 8),
        ("a[b eq 1.c eq 1", "bracket", 12),
        ("a[b eq 1)", "bracket", 9),
        ("a[b eq 1] eq 1", "dot", 10),
    ],
)
def test_a_fault_is_told_by_its_place_and_what_was_expected(text, expected, position):
    with pytest.raises(BadRequest) as refusal:
        parse(text)
    (issue,) = refusal.value.issues
    assert (issue.message, issue.arguments["position"]) == (
        f"search-filter-expected-{expected}",
        position,
    )
    assert str(position) in issue.text("en")
    assert str(position) in issue.text("zh")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a eq " + "1" * LONGEST, "search-filter-too-long"),
        ("(" * LONGEST, "search-filter-too-deep"),
        ("not (" * (DEEPEST + 1) + "a eq 1" + ")" * (DEEPEST + 1), "search-filter-too-deep"),
        ("a[" * (DEEPEST + 1) + "b eq 1", "search-filter-too-deep"),
        (".".join("a" * (DEEPEST + 1)) + " eq 1", "search-filter-too-deep"),
        (" or ".join(["a eq 1"] * (MOST_COMPARISONS + 1)), "search-filter-too-many"),
    ],
)
def test_a_filter_beyond_the_limits_is_refused(text, message):
    with pytest.raises(BadRequest) as refusal:
        parse(text)
    assert refusal.value.issues[0].message == message


def test_a_filter_within_the_limits_is_read():
    deep = "(" * DEEPEST + "a eq 1" + ")" * DEEPEST
    assert parse(deep) == A
    assert len(parse(" or ".join(["a eq 1"] * MOST_COMPARISONS)).parts) == MOST_COMPARISONS
