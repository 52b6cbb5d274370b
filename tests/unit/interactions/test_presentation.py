"""How much of a resource goes out, as _summary and _elements ask.

Spec: https://hl7.org/fhir/R4/search.html#summary
"""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import content
from server.fhir.outcome import BadRequest
from server.interactions.call import Call, Preference
from server.interactions.presentation import SUMMARIES, Presentation
from server.profiles.definitions import load
from server.profiles.subset import Subsets

TAG = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
OBSERVATION = (
    b'{"resourceType":"Observation","id":"1","meta":{"versionId":"3","tag":[{"code":"x"}]},'
    b'"text":{"status":"empty","div":"<div/>"},"_status":{"id":"s"},"status":"final",'
    b'"code":{"text":"\xe4\xbd\x93\xe6\xb8\xa9"},"valueQuantity":{"value":36.50,"unit":"Cel"},'
    b'"referenceRange":[{"low":{"value":1E1}}],"note":[{"text":"n"}],"modifierExtension":[]}'
)


@pytest.fixture(scope="module")
def subsets():
    return Subsets(load(content.PROFILES / "r4"))


def asked(query, **more):
    return Call(interaction="read", type="Observation", query=tuple(query), **more)


def shown(subsets, *query):
    presentation, _ = Presentation.split(query)
    return presentation.of(subsets, "Observation", OBSERVATION)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (
            ("_summary", "true"),
            ["resourceType", "id", "meta", "_status", "status", "code", "valueQuantity"],
        ),
        (("_summary", "text"), ["resourceType", "id", "meta", "text", "_status", "status", "code"]),
        (
            ("_elements", "value,note"),
            [
                "resourceType", "id", "meta", "_status", "status", "code", "valueQuantity", "note",
                "modifierExtension",
            ],
        ),
        (
            ("_elements", " Observation.note , "),
            ["resourceType", "id", "meta", "_status", "status", "code", "note",
             "modifierExtension"],
        ),
    ],
)  # fmt: skip
def test_only_what_is_asked_and_must_be_there_goes_out(subsets, query, names):
    assert list(json.loads(shown(subsets, query))) == names


def test_data_is_all_but_the_narrative(subsets):
    found = json.loads(shown(subsets, ("_summary", "data")))
    assert set(json.loads(OBSERVATION)) - set(found) == {"text"}


def test_a_part_is_marked_as_one_and_keeps_its_other_tags(subsets):
    for query in (("_summary", "true"), ("_summary", "data"), ("_elements", "note")):
        assert json.loads(shown(subsets, query))["meta"]["tag"] == [{"code": "x"}, TAG]


def test_the_whole_is_the_bytes_that_are_stored(subsets):
    for query in ((), (("_summary", "false"),), (("_pretty", "true"), ("_format", "json"))):
        assert shown(subsets, *query) is OBSERVATION


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_digits_stay_as_they_are_stored(subsets, number):
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{number}}}}}'.encode()
    found = subsets.elements("Observation", body, frozenset({"value"}))
    assert f'"value":{number}'.encode() in found
    assert json.loads(found, parse_float=Decimal)["valueQuantity"]["value"] == number


def test_the_other_parameters_are_handed_back_in_order():
    query = [("b", "1"), ("_elements", "code"), ("a", "2"), ("_pretty", "true"), ("b", "3")]
    presentation, rest = Presentation.split(query)
    assert presentation == Presentation("false", frozenset({"code"}))
    assert rest == [("b", "1"), ("a", "2"), ("b", "3")]


@pytest.mark.parametrize(
    "query",
    [
        [("_summary", "some")],
        [("_summary", "")],
        [("_summary", "TRUE")],
        [("_summary", "true"), ("_elements", "code")],
    ],
)
def test_what_fhir_does_not_know_is_refused(query):
    with pytest.raises(BadRequest):
        Presentation.split(query)


def test_an_element_that_the_type_does_not_have_is_refused_by_name(subsets):
    with pytest.raises(BadRequest) as refusal:
        Presentation.only(asked([("_elements", "code,birthDate")]), subsets)
    assert "birthDate" in str(refusal.value)


def test_a_read_takes_no_other_parameter_unless_the_caller_is_lenient(subsets):
    query = [("gender", "female")]
    with pytest.raises(BadRequest):
        Presentation.only(asked(query), subsets)
    lenient = asked(query, preference=Preference(lenient=True))
    assert Presentation.only(lenient, subsets).whole


def test_a_read_cannot_be_counted(subsets):
    with pytest.raises(BadRequest):
        Presentation.only(asked([("_summary", "count")]), subsets)


@given(
    st.lists(st.sampled_from(["code", "value", "note", "subject", "status", "id", "meta"])),
    st.sampled_from([None, *SUMMARIES]),
)
def test_what_goes_out_is_always_part_of_what_is_stored(subsets, names, summary):
    query = [("_summary", summary)] if summary else [("_elements", ",".join(names))]
    found, whole = json.loads(shown(subsets, *query)), json.loads(OBSERVATION)
    assert found["id"] == whole["id"]
    assert all(found[name] == whole[name] for name in found if name != "meta")
