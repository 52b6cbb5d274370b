"""The words of a resource: https://hl7.org/fhir/R4/search.html#content."""

import pytest

from server.search.words import LONGEST, MORE, segmented, words


def numbered(count, prefix="w"):
    return " ".join(f"{prefix}{number}" for number in range(count))


def basic(text, narrative=None):
    resource = {"resourceType": "Basic", "code": {"text": text}}
    div = f"<div>{narrative}</div>"
    return resource if narrative is None else {**resource, "text": {"div": div}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("高血压患者", ["高血压", "患者"]),
        ("張三，Hypertension!", ["张三", "hypertension"]),
        ("ＡＢＣ abc", ["abc"]),
        ("", []),
        ("，。 - _", []),
        ("a" * 100, ["a" * LONGEST]),
    ],
)
def test_text_is_folded_and_segmented(text, found):
    assert segmented(text) == found


def test_words_of_the_narrative_are_told_from_the_others():
    found = words(basic("咳嗽", 'fever<br/>and&#160;chills<a href="http://x">here</a>'))
    assert found == ["c:咳嗽", "t:fever", "t:and", "t:chills", "t:here"]


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
