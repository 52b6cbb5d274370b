"""``_text`` and ``_content``: https://hl7.org/fhir/R4/search.html#content."""

from itertools import pairwise

import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search.fulltext import condition
from server.search.words import MORE
from tests.unit.search.asking import Kept


def note(text, narrative=None):
    resource = {"resourceType": "Basic", "code": {"text": text}}
    div = f"<div>{narrative}</div>"
    return resource if narrative is None else {**resource, "text": {"div": div}}


NOTES = [
    note("原发性高血压病人", "bone metastases"),
    note("2型糖尿病伴高血压", "liver metastases"),
    note("血压正常，提高警惕", "Bone fracture"),
    note("Hypertension, COVID-19", "咳嗽三天"),
    note("больница 병원"),
]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("高血压", [0, 1]),
        ("高血压病", [0]),
        ("血压", [0, 1, 2]),
        ("高血压糖尿病", [1]),
        ("糖尿病 高血压", [1]),
        ("糖尿病高血压", [1]),
        ("高", [0, 1, 2]),
        ("人", [0]),
        ("惕", [2]),
        ("高血壓", [0, 1]),
        ("2型糖尿病", [1]),
        ("3型糖尿病", []),
        ("hyperTENSION", [3]),
        ("hyper", []),
        ("hyper*", [3]),
        ("covid", [3]),
        ("COVID-19", [3]),
        ("больница", [4]),
        ("병원", [4]),
        ("больн", []),
        ("bone", [0, 2]),
        ("咳嗽", [3]),
        ("三天 hypertension", [3]),
        ("高血压 AND 糖尿病", [1]),
        ("病人 OR 糖尿病", [0, 1]),
        ("高血压 NOT 糖尿病", [0]),
        ("高血压 not (糖尿病 or bone)", []),
        ("NOT 血压", [3, 4]),
        ("NOT NOT 血压", [0, 1, 2]),
        ("not (血压 or covid)", [4]),
        ('"高血压 病人"', [0]),
        ('"糖尿病伴高血压"', [1]),
        ('"糖尿病高血压"', []),
        ('"not" 血压', []),
        ("（病人 or 糖尿病）and metastases", [0, 1]),
        ("“糖尿病伴”", [1]),
        ("血压， !", [0, 1, 2]),
        ("病人,糖尿病", [0, 1]),
        ("病人 bone,больница", [0, 4]),
        (r"高血压\,糖尿病", [1]),
        (".*", None),
    ],
)
def test_content_is_found_by_its_words(database, index, text, positions):
    kept = Kept(database, index, NOTES)
    if positions is None:
        with pytest.raises(BadRequest):
            condition("c:", text)
    else:
        assert kept.fulfilling(condition("c:", text)) == positions


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("(bone OR liver) and metastases", [0, 1]),
        ("bone", [0, 2]),
        ("咳嗽", [3]),
        ("高血压", []),
        ("NOT bone", [1, 3, 4]),
    ],
)
def test_text_is_the_narrative_only(database, index, text, positions):
    assert Kept(database, index, NOTES).fulfilling(condition("t:", text)) == positions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("and", "search-text-invalid"),
        ("a and", "search-text-invalid"),
        ("or a", "search-text-invalid"),
        ("a or", "search-text-invalid"),
        ("a or or b", "search-text-invalid"),
        ("a and and b", "search-text-invalid"),
        ("not", "search-text-invalid"),
        ("not -", "search-text-invalid"),
        ("a or -", "search-text-invalid"),
        ("(a", "search-text-invalid"),
        ("a)", "search-text-invalid"),
        ("()", "search-text-invalid"),
        ('"a', "search-text-invalid"),
        ("(a,b)", "search-text-invalid"),
        ("a,", "search-value-empty"),
        ("(" * 256 + "a" + ")" * 255, "search-text-invalid"),
        ("-", "search-value-empty"),
        ('"" ，', "search-value-empty"),
        ("a" * 513, "search-value-too-long"),
        (" ".join(map(str, range(65))), "search-text-too-many"),
        ("".join(chr(0x4E00 + n) for n in range(500)), "search-text-too-many"),
    ],
)
def test_what_is_no_expression_is_refused(text, message):
    with pytest.raises(BadRequest) as refused:
        condition("c:", text)
    issue = refused.value.issues[0]
    assert issue.message == message
    assert issue.arguments["parameter"] == "_content"
    assert issue.text("zh") != issue.text("en")
    assert len(issue.text("en")) < 200


def test_not_may_be_repeated_without_end():
    odd, even = condition("c:", "not " * 127 + "a"), condition("c:", "not " * 126 + "a")
    assert odd == condition("c:", "not a")
    assert even == condition("c:", "a")


def test_a_resource_with_more_words_than_are_kept_may_have_any(database, index):
    large = note(" ".join(f"w{n}" for n in range(6000)))
    assert f"c:{MORE}" in index.entries(large)["w"]
    kept = Kept(database, index, [large, note("a")])
    assert kept.fulfilling(condition("c:", "w5999")) == [0]
    assert kept.fulfilling(condition("c:", "a")) == [0, 1]
    assert kept.fulfilling(condition("c:", "not a")) == [0]
    assert kept.fulfilling(condition("c:", "not w1")) == [1]
    assert kept.fulfilling(condition("t:", "w1")) == []


_HAN = "高血压糖尿病人的"
_WORD = st.one_of(
    st.text(alphabet=_HAN, min_size=1, max_size=4), st.sampled_from(["ab", "abc", "b", "19"])
)
_TEXT = st.lists(_WORD, max_size=5).map(" ".join)


def _trees(inner):
    pairs = st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    return st.one_of(pairs, st.tuples(st.just("not"), inner))


_EXPRESSIONS = st.recursive(_WORD, _trees, max_leaves=5)


def written(tree):
    match tree:
        case str():
            return tree
        case ("not", inner):
            return f"NOT ({written(inner)})"
        case (operator, left, right):
            return f"({written(left)}) {operator} ({written(right)})"
    raise AssertionError(tree)


def holds(tree, text):
    """By definition: a word of letters is one of the text's, a Han word has its pairs in it."""
    match tree:
        case ("not", inner):
            return not holds(inner, text)
        case ("and", left, right):
            return holds(left, text) and holds(right, text)
        case ("or", left, right):
            return holds(left, text) or holds(right, text)
    if tree.isascii():
        return tree in text.split()
    parts = [word if len(word) == 1 else list(pairwise(word)) for word in rjieba.cut(tree)]
    flat = [part for word in parts for part in word]
    return all("".join(part) in text for part in flat)


@settings(max_examples=60, deadline=None)
@given(st.lists(_TEXT, min_size=1, max_size=6), _EXPRESSIONS)
def test_expressions_mean_what_they_say(database, index, texts, tree):
    kept = Kept(database, index, [note(f"x {text}") for text in texts])
    expected = [position for position, text in enumerate(texts) if holds(tree, text)]
    assert kept.fulfilling(condition("c:", written(tree))) == expected


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=_HAN, min_size=1, max_size=12), st.data())
def test_every_part_of_a_han_text_is_found(database, index, text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    kept = Kept(database, index, [note(text)])
    assert kept.fulfilling(condition("c:", part)) == [0]
    assert kept.fulfilling(condition("c:", f'"{part}"')) == [0]


@given(st.text(alphabet='abn otrd()"*-高血压\\ ', max_size=40))
def test_any_text_is_understood_or_refused(text):
    try:
        found = condition("c:", text)
    except BadRequest:
        return
    assert found
