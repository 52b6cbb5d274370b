"""A request and an answer that are kept come back as they were."""

from dataclasses import replace
from pathlib import Path

from bson.int64 import Int64
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import Issue, NotFound
from server.interactions.call import Call, Disclosed, Preference, Result
from server.jobs import kept

texts = st.text(max_size=20)
preferences = st.builds(
    Preference, returns=st.none() | texts, lenient=st.booleans(), respond_async=st.booleans()
)
calls = st.builds(
    Call,
    interaction=texts,
    type=st.none() | texts,
    query=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    body=st.binary(max_size=50),
    criteria=st.none() | texts,
    preference=preferences,
)
issues = st.builds(
    Issue,
    code=texts,
    message=texts,
    arguments=st.dictionaries(texts, texts | st.integers(-(2**31), 2**31) | st.none(), max_size=3),
    expression=st.none() | texts,
)
disclosed = st.builds(
    Disclosed, texts, texts, st.integers(1, 10**6), st.lists(texts, max_size=2).map(tuple)
)
results = st.builds(
    Result,
    status=st.integers(200, 599),
    body=st.binary(max_size=50),
    version=st.none() | st.integers(1, 10**9),
    last_updated=st.none() | st.integers(0, 10**16),
    issues=st.lists(issues, max_size=2).map(tuple),
    headers=st.dictionaries(texts, texts, max_size=2),
    disclosed=st.lists(disclosed, max_size=3).map(tuple),
    unread=st.none() | st.binary(max_size=20),
)


@given(calls)
def test_a_request(call):
    assert kept.call(kept.content(call)) == call


@given(results)
def test_an_answer(result):
    assert kept.answer(kept.content(result)) == result


def test_what_an_issue_is_worded_with_may_be_anything():
    issue = Issue("value", "secret-key-unreadable", {"path": Path("a")})
    back = kept.answer(kept.content(Result(status=503, issues=(issue,))))
    assert back.issues[0].text("en") == issue.text("en")


def test_a_number_of_mongodbs_is_a_number():
    result = Result(status=200, version=1, last_updated=Int64(1764300000000000))
    back = kept.answer(kept.content(result))
    assert (back, type(back.last_updated)) == (result, int)


def test_a_refusal_is_an_answer_with_its_status():
    error = NotFound.because("resource-unknown", type="Patient", id="a")
    told = kept.answer(kept.content(kept.refusal(error)))
    assert (told.status, told.issues[0].text("zh")) == (404, error.issues[0].text("zh"))


def test_what_several_disclose_is_told_once():
    one, other = Disclosed("Patient", "a", 1), Disclosed("Patient", "b", 1)
    result = Result(status=200, disclosed=(one, other))
    several = [kept.content(each) for each in (result, replace(result, disclosed=(other,)))]
    assert kept.disclosed(several) == (one, other)
