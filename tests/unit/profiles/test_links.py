"""Links are replaced where links stand, and nothing else is touched.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import content
from server.fhir.json import dumps
from server.profiles import definitions
from server.profiles.links import Links, conditional

OLD, NEW = "urn:uuid:0b1f8a6e-3d5c-4c56-9d1e-0d6c5a3f1b11", "Patient/a"
LINKS = Links.of(definitions.load(content.PROFILES / "r4"))
XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def replaced(resource, targets=None):
    return json.loads(LINKS.replaced(dumps(resource), targets or {OLD: NEW}))


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("a reference", {"resourceType": "Observation", "subject": {"reference": OLD}}),
        ("of several", {"resourceType": "Observation", "performer": [{"reference": OLD}]}),
        ("a uri", {"resourceType": "Patient", "implicitRules": OLD}),
        ("a url", {"resourceType": "Endpoint", "address": OLD}),
        ("of a choice", {"resourceType": "Basic", "extension": [{"url": "a", "valueUri": OLD}]}),
        ("in a contained one", {"resourceType": "Basic", "contained": [
            {"resourceType": "Observation", "subject": {"reference": OLD}}]}),
        ("in another's entry", {"resourceType": "Bundle", "entry": [
            {"resource": {"resourceType": "Observation", "subject": {"reference": OLD}}}]}),
        ("beside a primitive", {"resourceType": "Patient", "_birthDate": {"extension": [
            {"url": "a", "valueReference": {"reference": OLD}}]}}),
        ("in recursive elements", {"resourceType": "Parameters", "parameter": [
            {"name": "a", "part": [{"name": "b", "valueReference": {"reference": OLD}}]}]}),
    ],
)  # fmt: skip
def test_a_link_is_replaced(path, resource):
    before, after = json.dumps(resource), json.dumps(replaced(resource))
    assert after == before.replace(OLD, NEW), path


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "identifier": [{"value": OLD}]},
        {"resourceType": "Observation", "note": [{"text": OLD}], "valueString": OLD},
        {"resourceType": "Observation", "subject": {"display": OLD}},
        {"resourceType": "Basic", "meta": {"profile": [OLD]}},
        {"resourceType": "Observation", "subject": {"reference": f"{OLD}0"}},
        {"resourceType": "Observation", "subject": {"reference": f"x{OLD}"}},
    ],
)
def test_other_text_stays(resource):
    assert replaced(resource) == resource


def test_text_and_link_are_told_apart_in_one_resource():
    told = {"resourceType": "Observation", "valueString": OLD, "subject": {"reference": OLD}}
    assert replaced(told) == {**told, "subject": {"reference": NEW}}


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("name", ["href", "src"])
def test_a_narrative_links_too(quote, name):
    text = XHTML.format(f"<a {name}={quote}{OLD}{quote}>{OLD}</a>")
    found = replaced({"resourceType": "Basic", "text": {"status": "generated", "div": text}})
    assert found["text"]["div"] == XHTML.format(f'<a {name}="{NEW}">{OLD}</a>')


def test_an_address_in_a_narrative_is_read_as_xhtml():
    old = "https://a.example/fhir/Patient/7?x=1&y=2"
    text = XHTML.format('<a href="https://a.example/fhir/Patient/7?x=1&amp;y=2">x</a>')
    found = replaced(
        {"resourceType": "Basic", "text": {"status": "generated", "div": text}}, {old: NEW}
    )
    assert found["text"]["div"] == XHTML.format(f'<a href="{NEW}">x</a>')


def test_escapes_do_not_hide_a_link():
    raw = json.dumps({"resourceType": "Observation", "subject": {"reference": OLD}})
    for hidden in (raw.replace("urn:", "\\u0075rn:"), raw.replace(OLD, "https:\\/\\/a.example")):
        targets = {OLD: NEW, "https://a.example": NEW}
        found = json.loads(LINKS.replaced(hidden.encode(), targets))
        assert found["subject"]["reference"] == NEW


def test_digits_stay_on_both_ways():
    raw = f'{{"resourceType":"Observation","subject":{{"reference":"{OLD}"}},"valueQuantity":{{"value":1.500}}'  # noqa: E501
    short = (raw + "}").encode()
    long = (raw + f',"note":[{{"text":"{OLD}"}}]}}').encode()
    assert b"1.500" in LINKS.replaced(short, {OLD: NEW})
    assert b"1.500" in LINKS.replaced(long, {OLD: NEW})


LIKE_LINKS = st.from_regex(r"(urn:|https?://|[A-Z][a-z]+/)[^\x00-\x1f\"\\]{0,20}", fullmatch=True)


@given(LIKE_LINKS, st.sampled_from(["valueString", "valueUri"]))
def test_both_ways_agree(value, name):
    extension = {"url": "urn:a:b", name: value}
    resource = {"resourceType": "Basic", "extension": [extension]}
    body, targets = dumps(resource), {value: "Basic/new"}
    assert json.loads(LINKS.replaced(body, targets)) == json.loads(LINKS._exactly(body, targets))


def test_nothing_to_replace_leaves_the_bytes_alone():
    body = b'{"resourceType":"Basic","text":{"status":"generated","div":"<div>\\u0041</div>"}}'
    assert LINKS.replaced(body, {}) == body


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"subject":{"reference":"Patient?identifier=a|b"}}', ["Patient?identifier=a|b"]),
        ('{"a":{"reference":"Basic?x=1"},"b":{"reference":"Basic?x=1"}}', ["Basic?x=1"]),
        ('{"a":{"reference":"Patient?name=\\u9648"}}', ["Patient?name=陈"]),
        ('{"a":{"reference":"Patient/1"},"b":"Patient?x=1"}', []),
    ],
)
def test_conditional_references_are_found(body, found):
    assert list(conditional(body.encode())) == found
