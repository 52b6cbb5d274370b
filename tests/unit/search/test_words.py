"""The words of a resource: https://hl7.org/fhir/R4/search.html#content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.search.words import LONGEST, MORE, Term, indexed, sought, words


def numbered(count, prefix="w"):
    return " ".join(f"{prefix}{number}" for number in range(count))


def basic(text, narrative=None):
    resource = {"resourceType": "Basic", "code": {"text": text}}
    div = f"<div>{narrative}</div>"
    return resource if narrative is None else {**resource, "text": {"div": div}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("高血压患者", ["高血", "血压", "压患", "患者", "者"]),
        ("張三，Hypertension!", ["hypertension", "张三", "三"]),
        ("2型糖尿病", ["2", "型糖", "糖尿", "尿病", "病"]),
        ("COVID-19", ["covid", "19"]),
        ("больница 병원 カタ", ["больница", "병원", "カタ", "タ"]),
        ("ＡＢＣ abc", ["abc"]),
        ("", []),
        ("，。 - _", []),
        ("a" * 100, ["a" * LONGEST]),
    ],
)
def test_text_is_folded_and_divided_han_text_into_pairs(text, found):
    assert indexed(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("高血压糖尿病", ["高血", "血压", "糖尿", "尿病"]),
        ("高血压的", ["高血", "血压", "的*"]),
        ("covid-19", ["covid", "19"]),
        ("，", []),
    ],
)
def test_what_is_searched_for_is_segmented(text, found):
    assert [term.word + "*" * term.is_start for term in sought(text)] == found


@pytest.mark.parametrize(
    ("narrative", "found"),
    [
        ("<b>南京</b>市", ["t:南京", "t:京市", "t:市"]),
        ('<p><b>hyper</b><span class="x">tension</span></p>', ["t:hypertension"]),
        ("<p>one</p><p>two</p>", ["t:one", "t:two"]),
        ("one<br/>two<img/>three", ["t:one", "t:two", "t:three"]),
    ],
)
def test_a_word_of_a_narrative_goes_on_where_markup_begins_within_it(narrative, found):
    """https://hl7.org/fhir/R4/narrative.html#xhtml."""
    assert [word for word in words(basic("", narrative)) if word.startswith("t:")] == found


def test_a_phrase_is_not_segmented():
    assert Term("压糖") in sought("高血压糖尿病", as_phrase=True)


@given(st.text(alphabet="高血压糖尿病患者a1 ，", max_size=20), st.data())
def test_a_text_has_the_words_of_each_of_its_parts(text, data):
    """But for words of letters that a part begins or ends within."""
    start = data.draw(st.integers(0, len(text)))
    part = text[start : data.draw(st.integers(start, len(text)))].strip("a1")
    stored = indexed(text)
    for as_phrase in (False, True):
        for term in sought(part, as_phrase=as_phrase):
            assert any(
                word.startswith(term.word) if term.is_start else word == term.word
                for word in stored
            )


def test_words_of_the_narrative_are_told_from_the_others():
    found = words(basic("咳嗽", 'fever<br/>and&#160;chills <a href="http://x">here</a>'))
    assert found == ["c:咳嗽", "c:嗽", "t:fever", "t:and", "t:chills", "t:here"]
    assert words(basic("", "M&#252;ller &amp; Co")) == ["t:muller", "t:co"]


def test_ids_links_and_data_are_no_prose():
    resource = {
        "resourceType": "Binary",
        "id": "one",
        "meta": {"profile": ["http://two"], "source": "three"},
        "securityContext": {"reference": "Patient/four", "display": "five"},
        "data": "c2l4",
        "contentType": "text/seven",
    }
    assert words(resource) == ["c:five"]


def test_words_of_the_narrative_are_kept_however_many_others_there_are():
    found = words(basic(numbered(20_000), numbered(20_000, "n")))
    assert len([word for word in found if word.startswith("c:")]) == 5001
    assert len([word for word in found if word.startswith("t:")]) == 3001
    assert {"c:w4999", "t:n2999", f"c:{MORE}", f"t:{MORE}"} <= set(found)
    assert not {"c:w5000", "t:n3000"} & set(found)


def test_a_mark_tells_what_was_cut():
    assert f"c:{MORE}" not in words(basic(numbered(5000)))
    assert f"c:{MORE}" in words(basic(numbered(5001)))
    assert f"c:{MORE}" in words(basic("a " * 100_001))
    assert f"c:{MORE}" not in words(basic("a " * 1000, "b " * 60_000))
    assert f"t:{MORE}" in words(basic("a " * 1000, "b " * 60_000))


def test_the_mark_is_no_word():
    assert words(basic(f"a {MORE} b")) == ["c:a", "c:b"]
