"""What value sets are composed of, held to a naive reading of the specification.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import FhirError, NotFound, TooCostly, Unprocessable
from server.terminology.expansion import Asked, expanded
from server.terminology.judgement import judged
from server.terminology.library import Definition, Fixed, Head
from server.terminology.membership import Code
from server.terminology.service import NothingLoaded
from tests.unit.terminology.naive import (
    FOREST,
    SYSTEMS,
    code_system,
    elements,
    naive,
    of_system,
    terminology,
    value_set,
    with_sets,
)


@given(
    elements, elements, with_sets, st.lists(of_system, max_size=2), st.sampled_from((None, False))
)
def test_a_composition_is_what_the_specification_says(first, second, include, exclude, inactive):
    own = {} if inactive is None else {"inactive": inactive}
    known = {
        "urn:0": value_set("urn:0", first),
        "urn:1": value_set("urn:1", second, exclude),
        "urn:2": value_set("urn:2", include, exclude, **own),
    }
    made = terminology(*known.values()).composition("urn:2")
    expected = naive(known, known["urn:2"]["compose"])
    rows = expanded(made, Asked()).contains
    listed = [(row["system"], row["code"]) for row in rows]
    assert len(listed) == len(set(listed))
    assert set(listed) == expected
    for system in SYSTEMS:
        for code in FOREST:
            verdict = judged(made, Code(code, system))
            assert verdict.is_member is ((system, code) in expected)


@given(with_sets, st.integers(1, 4))
def test_pages_have_every_concept_once_and_in_order(include, count):
    other = [{"system": "urn:one", "concept": [{"code": "e"}, {"code": "a"}]}]
    sets = [value_set("urn:0", other), value_set("urn:1", [{"system": "urn:two"}])]
    made = terminology(*sets, value_set("urn:2", include)).composition("urn:2")
    whole = expanded(made, Asked())
    paged = []
    for offset in range(0, whole.total + count, count):
        page = expanded(made, Asked(offset=offset, count=count))
        assert page.total == whole.total
        assert len(page.contains) <= count
        paged += page.contains
    assert paged == whole.contains
    assert len(whole.contains) == whole.total


@given(st.lists(st.sampled_from(("display", "of", "dis", "a", "b", "x", "c")), max_size=3))
def test_a_filter_keeps_those_with_all_words(words):
    made = terminology(value_set("urn:0", [{"system": "urn:one"}])).composition("urn:0")
    found = expanded(made, Asked(words=tuple(words)))
    expected = [
        code
        for code in FOREST
        if all(any(one.startswith(word) for one in ("display", "of", code)) for word in words)
    ]
    assert [row["code"] for row in found.contains] == expected


def test_a_tree_has_the_same_concepts():
    made = terminology(value_set("urn:0", [{"system": "urn:one"}])).composition("urn:0")
    a, e = expanded(made, Asked(is_nested=True)).contains
    assert [one["code"] for one in a["contains"]] == ["b", "d"]
    assert a["contains"][0]["contains"][0]["code"] == "c"
    assert "contains" not in e


def test_what_a_set_calls_its_concepts_comes_first():
    own = {"code": "a", "display": "own", "designation": [{"language": "en", "value": "A"}]}
    made = terminology(value_set("urn:0", [{"system": "urn:one", "concept": [own]}]))
    (row,) = expanded(made.composition("urn:0"), Asked(has_designations=True)).contains
    assert row["display"] == "own"
    assert row["designation"] == own["designation"]


UNKNOWN = {"system": "urn:unknown", "concept": [{"code": "x", "display": "X"}]}


def test_codes_of_a_system_that_is_not_here_may_be_listed():
    made = terminology(value_set("urn:0", [UNKNOWN, {"system": "urn:one"}])).composition("urn:0")
    assert expanded(made, Asked()).contains[0]["display"] == "X"
    assert judged(made, Code("x", "urn:unknown")).is_member is True
    assert judged(made, Code("y", "urn:unknown")).is_member is False
    whole = terminology(value_set("urn:0", [{"system": "urn:unknown"}])).composition("urn:0")
    verdict = judged(whole, Code("x", "urn:unknown"))
    assert (verdict.is_member, verdict.reason) == (None, "code-system-unknown")
    with pytest.raises(NotFound):
        expanded(whole, Asked())


def test_of_a_fragment_nothing_is_known_of_other_codes():
    fragment = {**code_system("urn:f"), "content": "fragment"}
    known = terminology(fragment, value_set("urn:0", [{"system": "urn:f"}]))
    assert known.member("urn:0", Code("a", "urn:f")).is_member is True
    verdict = known.member("urn:0", Code("z", "urn:f"))
    assert (verdict.is_member, verdict.reason) == (None, "code-system-incomplete")
    assert expanded(known.composition("urn:0"), Asked()).incomplete == ["urn:f"]


def test_a_bare_code_has_the_system_of_the_set():
    known = terminology()
    gender = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert known.member(gender, Code("male")).display == "Male"
    assert known.member(gender, Code("nobody")).is_member is False
    assert known.member(f"{gender}|4.0.1", Code("male")).is_member is True


def test_what_is_not_here_is_not_judged():
    verdict = terminology().member("urn:none", Code("a"), date(2020, 1, 1))
    assert (verdict.is_member, verdict.reason) == (None, "value-set-unknown")


def edition(version, *codes, **elements):
    return {
        "resourceType": "CodeSystem", "url": "urn:oid:2.16.156.10011.2.3.1.1", "version": version,
        "status": "active", "content": "complete", "concept": [{"code": code} for code in codes],
        **elements,
    }  # fmt: skip


def test_the_edition_that_field_systems_use_is_meant_where_none_is_named():
    url = "urn:oid:2.16.156.10011.2.3.1.1"
    sets = (
        value_set("urn:0", [{"system": url}]),
        value_set("urn:1", [{"system": url, "version": "2023"}]),
    )
    known = terminology(edition("2011", "old"), edition("2023", "new"), *sets)
    assert known.member("urn:0", Code("old", url)).is_member is True
    assert known.member("urn:0", Code("new", url)).is_member is False
    assert known.member("urn:0", Code("new", url, "2023")).is_member is True
    assert known.member("urn:0", Code("old", url, "2023")).is_member is False
    assert known.member("urn:1", Code("new", url)).is_member is True
    assert known.member("urn:1", Code("old", url, "2011")).is_member is False


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.9", "1.10"), ("1", "1.1"), ("2010", "2020")],
)
def test_of_other_systems_the_newest_edition_is_meant(older, newer):
    for order in (1, -1):
        pair = [edition(older, "old", url="urn:x"), edition(newer, "new", url="urn:x")][::order]
        assert terminology(*pair).system("urn:x").about.version == newer


def test_an_edition_may_be_locked_by_date():
    pair = (
        edition("1", "old", url="urn:x", date="2010"),
        edition("2", "new", url="urn:x", date="2020"),
    )
    locked = value_set("urn:0", [{"system": "urn:x"}], lockedDate="2015-01-01")
    found = expanded(terminology(*pair, locked).composition("urn:0"), Asked())
    assert [row["code"] for row in found.contains] == ["old"]


@pytest.mark.parametrize(
    ("sets", "refusal"),
    [
        ([value_set("urn:0", [{"valueSet": ["urn:0"]}])], Unprocessable),
        ([value_set("urn:0", [{}])], Unprocessable),
        ([value_set("urn:0", [{"valueSet": ["urn:none"]}])], NotFound),
        ([value_set(f"urn:{n}", [{"valueSet": [f"urn:{n + 1}"]}]) for n in range(20)], TooCostly),
        (
            [
                value_set("urn:0", [{"valueSet": [f"urn:{n}"]} for n in range(1, 80)]),
                *(value_set(f"urn:{n}", [{"system": "urn:one"}]) for n in range(1, 80)),
            ],
            TooCostly,
        ),
    ],
)
def test_what_cannot_be_composed_is_refused(sets, refusal):
    known = terminology(*sets)
    with pytest.raises(refusal):
        known.composition("urn:0")
    assert known.member("urn:0", Code("a", "urn:one")).is_member is None


def test_a_whole_system_is_a_value_set_of_its_own():
    system = {**code_system("urn:s"), "valueSet": "urn:all"}
    known = terminology(system)
    assert expanded(known.composition("urn:all"), Asked()).total == len(FOREST)
    assert expanded(known.composition("urn:s?fhir_vs"), Asked()).total == len(FOREST)
    assert expanded(known.composition("urn:s?fhir_vs=isa/b"), Asked()).total == 2


def test_all_that_hl7_defines_can_be_composed_or_says_why_not():
    known, told = terminology(), set()
    for one in known.library.all("ValueSet"):
        try:
            expanded(known.composition(one.head.url), Asked(count=1))
        except FhirError as refusal:
            told.add(refusal.issues[0].message)
    assert told <= {"code-system-unknown", "value-set-unknown"}


def test_a_code_outside_a_value_set_is_unknown_if_no_edition_of_its_whole_system_has_it():
    later = {**code_system("urn:one"), "id": "later", "version": "2", "concept": [{"code": "new"}]}
    fragment = {**code_system("urn:f"), "content": "fragment"}
    known = terminology(later, fragment, value_set("urn:0", [{"system": "urn:two"}]))

    def reason(code):
        verdict = known.member("urn:0", code)
        assert verdict.is_member is False
        return verdict.reason

    outside, unknown = "code-not-in-value-set", "code-unknown"
    assert reason(Code("a", "urn:one")) == reason(Code("new", "urn:one")) == outside
    assert reason(Code("a", "urn:one", "2")) == reason(Code("z", "urn:one")) == unknown
    assert reason(Code("z", "urn:f")) == reason(Code("z", "urn:nobody")) == outside


def test_a_verdict_holds_until_anything_is_stored():
    known = terminology(value_set("urn:0", [{"system": "urn:one"}]))
    known.open(Fixed({}, edition=1), NothingLoaded())
    assert [known.member("urn:0", Code("a", "urn:one")).is_member for _ in range(2)] == [True] * 2
    head = Head("ValueSet", url="urn:0", version="2", status="active")
    other = value_set("urn:0", [{"system": "urn:two"}])
    stored = {("ValueSet", "urn:0"): [Definition(head, "other", lambda: other)]}
    known.open(Fixed(stored, edition=2), NothingLoaded())
    assert known.member("urn:0", Code("a", "urn:one")).is_member is False
