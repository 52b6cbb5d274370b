"""https://hl7.org/fhir/R4/search.html#string : case, accents and the like make no difference."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import content
from server.search.string import LENGTH, bigrams, entry
from server.terminology import phonetics
from server.terminology.folding import folded


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Müller", "muller"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ＡＢＣ１２３", "abc123"),
        ("張三丰", "张三丰"),
        ("後頭髮", "后头发"),
        ("  a\t b\u3000c \x1f", "a b c"),
        ("仇\u3000 英 Ada 仇", "仇英 ada 仇"),
        ("𠮷 野 家", "𠮷野家"),
        ("①", "1"),
        ("한국", "한국"),
        ("Ångström", "angstrom"),
        ("", ""),
    ],
)
def test_folding_looks_past_how_a_string_is_written(text, plain):
    assert folded(text) == plain


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)


@given(st.text())
def test_folded_text_has_no_separator(text):
    assert "\x1f" not in folded(text)


@given(st.text(max_size=600), st.text(max_size=600))
def test_entries_of_different_strings_differ(one, other):
    same = entry("p", one, folded(one)) == entry("p", other, folded(other))
    assert same == (one == other)


@given(st.text(min_size=LENGTH + 1, max_size=LENGTH * 3))
def test_entries_have_a_bounded_length(text):
    assert len(entry("p", text, folded(text))) <= LENGTH + 36


@given(st.text(min_size=1, max_size=20), st.data())
def test_every_substring_is_found_by_its_bigrams(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    grams = bigrams([text])
    if len(part) == 1:
        assert any(gram.startswith(part) for gram in grams)
    else:
        assert {a + b for a, b in pairwise(part)} <= set(grams)


@pytest.fixture(scope="module")
def sounds():
    return phonetics.load(content.TERMINOLOGY / "surname-readings.json")


@pytest.mark.parametrize(
    ("family", "given", "sound", "initials"),
    [
        ("张", "三", "zhangsan", "zs"),
        ("張", "三", "zhangsan", "zs"),
        ("单", "雄信", "shanxiongxin", "sxx"),
        ("曾", "国藩", "zengguofan", "zgf"),
        ("解", "缙", "xiejin", "xj"),
        ("查", "良镛", "zhaliangyong", "zly"),
        ("仇", "英", "qiuying", "qy"),
        ("区", "大相", "oudaxiang", "odx"),
        ("尉迟", "恭", "yuchigong", "ycg"),
        ("万俟", "卨", "moqixie", "mqx"),
        ("吕", "布", "lvbu", "lb"),
        ("", "张三", "zhangsan", "zs"),
        ("", "欧阳修", "ouyangxiu", "oyx"),
    ],
)
def test_a_surname_sounds_as_a_surname_first(sounds, family, given, sound, initials):
    found = sounds.of_name(family, given)
    assert found[0] == sound
    assert initials in found


def test_other_readings_are_found_too(sounds):
    assert "danxiongxin" in sounds.of_name("单", "雄信")
    assert "lubu" in sounds.of_name("吕", "布")


def test_the_given_part_is_found_alone(sounds):
    assert "guofan" in sounds.of_name("曾", "国藩")


def test_a_latin_name_sounds_as_it_is_written(sounds):
    assert sounds.of_name("O'Neill", "Éa") == ["oneillea", "ea"]


@given(st.text(alphabet="单曾解查仇区任华朴盖覃乐长中重行", min_size=1, max_size=12))
def test_readings_are_few_however_many_there_could_be(name):
    sounds = phonetics.load(content.TERMINOLOGY / "surname-readings.json")
    assert 0 < len(sounds.of_text(name)) <= 32
