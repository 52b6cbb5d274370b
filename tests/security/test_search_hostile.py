"""Searches that mean harm: each is answered or refused, soon, and runs nothing of what it says.

Spec: https://hl7.org/fhir/R4/search.html
"""

import time
from urllib.parse import quote, urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.client import Client, refused
from tests.builders import fresh, observation, patient

PARAMETERS = {
    "Patient": ["name", "family", "identifier", "birthdate", "gender", "organization", "phonetic",
                "pinyin", "_id", "_lastUpdated", "_text", "_content", "_filter", "_list", "_tag",
                "_profile", "_source", "_sort", "_include", "_revinclude", "_count", "_elements",
                "_summary", "_total", "_cursor", "_contained", "_explain", "_has"],
    "Observation": ["code", "date", "value-quantity", "subject", "code-value-quantity",
                    "value-string", "component-code-value-concept", "subject.name", "_sort"],
    "Location": ["near", "partof", "name"],
}  # fmt: skip
MODIFIERS = ["", ":missing", ":exact", ":contains", ":text", ":not", ":in", ":not-in", ":above",
             ":below", ":of-type", ":identifier", ":Patient",
             ":iterate", ":$where", ":"]  # fmt: skip
POISON = ["$where", "$ne", "{'$gt':''}", '{"$regex":".*"}', "(a+)+$", "(.*)*", "[[[[", "\\", "\\\\",
          "|", "||", "|||", "$", "$$", ",", ",,", "\x00", "\x1f", "￿", "\U0010ffff", "\u202e张",
          "*", "**", "'; drop", "2023-02-30", "gt", "ap", "ge1e999", "1e-400", "NaN", "-0",
          "http://[", "Patient/", "/", "../..", "#", "urn:uuid:", "90|180|1|km", "nan|inf|1|m",
          "name eq", "((((", "not not not", 'name co "', "Patient:*", "*:*", "-", "--birthdate",
          "𝟙𝟚", "ﬁ", "张" * 300, "a" * 10_000, "1|" * 500, "a," * 999 + "a"]  # fmt: skip
SLOW = 8.0


@pytest.fixture(scope="module")
def fhir(server):
    client = Client(server)
    person = client.create(patient(identifier=[{"value": "hostile"}]))
    client.create(observation(subject={"reference": f"Patient/{person['id']}"}))
    client.create({"resourceType": "Location", "position": {"longitude": 1, "latitude": 1}})
    yield client
    client.session.close()


def bounded(fhir, path):
    """Return the answer to `path`, which comes soon and is no failure."""
    started = time.monotonic()
    answer = fhir.session.get(f"{fhir.base}/{path}", timeout=30)
    assert answer.status_code < 500 or is_being_prepared(answer), (path, answer.text[:300])
    assert time.monotonic() - started < SLOW, path
    if answer.status_code >= 400:
        refused(answer, answer.status_code)
    return answer


def is_being_prepared(answer):
    """Tell whether an index is being built for this search, which is said with a time to wait."""
    return answer.status_code == 503 and "Retry-After" in answer.headers


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_parameter_with_any_value_is_answered_or_refused(fhir, data):
    type = data.draw(st.sampled_from(sorted(PARAMETERS)))
    pairs = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(PARAMETERS[type]),
                st.sampled_from(MODIFIERS) | st.just(""),
                st.sampled_from(POISON) | st.text(max_size=20),
            ),
            min_size=1,
            max_size=3,
        )
    )
    query = [(name + modifier, value.encode("utf-8", "replace")) for name, modifier, value in pairs]
    answer = bounded(fhir, f"{type}?{urlencode(query)}") if len(str(query)) < 7000 else None
    if answer is None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{fhir.base}/{type}/_search"
        posted = requests.post(url, urlencode(query).encode(), headers=form, timeout=30)
        assert posted.status_code < 500 or is_being_prepared(posted), query


@pytest.mark.parametrize("name", ["name", "name:contains", "name:exact", "identifier", "_content"])
@pytest.mark.parametrize("value", ["(a+)+$", ".*", "^", "[", "a{1,99999}", "\\E.*\\Q", "(?i)x"])
def test_a_pattern_is_only_text(fhir, name, value):
    mark = fresh()
    fhir.create(patient(identifier=[{"value": mark}], name=[{"family": f"aaaa{mark}"}]))
    path = f"Patient?{name}={quote(value, safe='')}&identifier={mark}"
    answer = bounded(fhir, path)
    if answer.status_code == 200:
        assert "entry" not in answer.json(), "it would match as a pattern"


@pytest.mark.parametrize(
    "path",
    [
        "Observation?" + "subject." * 50 + "name=a",
        "Patient?" + "_has:Observation:subject:" * 50 + "code=a",
        "Patient?_filter=" + "(" * 500 + "name eq a" + ")" * 500,
        "Patient?_filter=" + quote(" and ".join(["name eq a"] * 400)),
        "Patient?_filter=" + "not(" * 300 + "name eq a" + ")" * 300,
        "Patient?_sort=" + ",".join(["family"] * 300),
        "Patient?" + "&".join(["name=a"] * 990),
        "Observation?_include:iterate=*&_revinclude:iterate=*&_count=1000",
        "Patient?_revinclude=*&_include=*",
        "Patient?_count=99999999999999999999",
        "Patient?_elements=" + ",".join(["name"] * 900),
        "Patient?_id=" + ",".join(["a"] * 1001),
        "Patient?_cursor=" + "A" * 4000,
        "Location?near=" + "1|" * 300,
        "?_type=" + ",".join(["Patient"] * 900),
    ],
)
def test_what_is_endless_is_bounded(fhir, path):
    bounded(fhir, path)


def test_cyclic_references_end(fhir):
    one, other = fresh(), fresh()
    for id, part_of in ((one, other), (other, one)):
        fhir.update(
            {
                "resourceType": "Organization",
                "id": id,
                "name": "环",
                "partOf": {"reference": f"Organization/{part_of}"},
            }
        )
    for include in (
        "_include:iterate=Organization:partof",
        "_revinclude:iterate=Organization:partof",
    ):
        bundle = fhir.bundle(f"Organization?_id={one}&{include}")
        assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "include"]
    assert set(fhir.ids(f"Organization?partof:below={one}")) == {one, other}
