"""Concepts are found by how they are written and how they sound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.terminology import spelling
from server.terminology.concepts import Concept

PRESSURE = Concept(
    "I10.x00", "高血压病 (原发性)", designations=({"value": "Essential Hypertension"},)
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("高血", True),
        ("血压", True),
        ("高压", False),
        ("gaoxueya", True),
        ("GAOXIEYA", True),
        ("xueya", True),
        ("gxy", True),
        ("xyb", True),
        ("原发", True),
        ("yfx", True),
        ("i10", True),
        ("I10.X", True),
        ("x00", False),
        ("hyper", True),
        ("pertension", False),
        ("ess hyp", True),
        ("ess 高", True),
        ("ess 低", False),
        ("", True),
        ("   ", True),
        ("高血壓", True),
        ("ｇｘｙ", True),
    ],
)
def test_what_finds_a_concept(typed, found):
    assert spelling.has(PRESSURE, spelling.wanted(typed)) is found


@pytest.mark.parametrize("typed", ["chongqing", "zhongqing", "cq", "zq"])
def test_every_reading_of_a_character_counts(typed):
    assert spelling.has(Concept("500000", "重庆市"), spelling.wanted(typed))


@given(st.text(max_size=400), st.text(min_size=1, max_size=20))
def test_spellings_are_few_and_short(name, code):
    found = spelling.spellings(code, (name, name))
    assert len(found) <= 160
    assert all(0 < len(one) <= spelling.LONGEST for one in found)


@given(st.text(max_size=400))
def test_a_filter_has_few_words(typed):
    words = spelling.wanted(typed)
    assert len(words) <= 8
    assert all(0 < len(word) <= spelling.LONGEST for word in words)


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12))
def test_a_name_is_found_by_any_part_of_it(name):
    concept = Concept("1", name)
    for start in range(len(name)):
        assert spelling.has(concept, spelling.wanted(name[start:]))
