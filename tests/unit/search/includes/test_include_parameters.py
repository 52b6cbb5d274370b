"""Which includes can be asked for: https://hl7.org/fhir/R4/search.html#include."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search import includes
from server.search.includes import IncludeNotDone


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("_include=Patient", "search-include-malformed"),
        ("_include=", "search-include-malformed"),
        ("_include=Observation:subject,Observation:encounter", "search-include-malformed"),
        ("_include=Observation:subject:Patient:x", "search-include-malformed"),
        ("_include=*:subject", "search-include-malformed"),
        ("_include=Observation:$where", "search-include-malformed"),
        ("_include=observation:subject", "search-include-malformed"),
        ("_include=Nothing:subject", "search-type-unknown"),
        ("_include=Observation:subject:Nothing", "search-type-unknown"),
        ("_include=Observation:nothing", "search-parameter-unknown"),
        ("_include=Observation:code", "search-include-not-reference"),
        ("_include=Observation:encounter:Patient", "search-include-not-target"),
        ("_include=Observation:patient:Group", "search-include-not-target"),
        ("_include=Patient:organization", "search-include-off-path"),
        ("_include=Patient:*", "search-include-off-path"),
        ("_include:recurse=Observation:has-member", "search-modifier-unsupported"),
        ("_include:=Observation:has-member", "search-modifier-unsupported"),
        ("_revinclude=Encounter:subject", "search-include-not-target"),
        ("_revinclude=Provenance:target:Patient", "search-include-off-path"),
        ("_revinclude:iterate=Encounter:status", "search-include-not-reference"),
    ],
)
def test_what_leads_nowhere_is_refused_by_name(plans, parameter, message):
    name, value = parameter.split("=", 1)
    with pytest.raises(BadRequest) as refusal:
        includes.parse(plans, ["Observation"], [(name, value)])
    assert [issue.message for issue in refusal.value.issues] == [message]
    if message == "search-include-malformed":
        assert not isinstance(refusal.value, IncludeNotDone)
    else:
        asked = includes.parse(plans, ["Observation"], [(name, value)], lenient=True)
        assert asked.ignored == ((name, value),)
        assert not asked


def test_a_bundle_does_not_refer_to_what_it_holds(plans):
    with pytest.raises(IncludeNotDone):
        includes.parse(plans, ["Bundle"], [("_include", "Bundle:composition")])


def test_of_several_searched_types_each_may_be_the_source(plans):
    pairs = [("_include", "Patient:organization"), ("_include", "*")]
    asked = includes.parse(plans, ["Observation", "Patient"], pairs)
    assert set(asked.first.forward) == {"Observation", "Patient"}
    assert asked.used == tuple(pairs)


@settings(max_examples=300)
@given(st.text(max_size=30), st.sampled_from(["_include", "_revinclude", "_include:iterate"]))
def test_any_value_is_understood_or_ignored_or_malformed(plans, value, name):
    if value == "*" or re.fullmatch(r"[A-Z]\w*:(\*|[\w-]+)(:[A-Z]\w*)?", value, re.ASCII):
        asked = includes.parse(plans, ["Observation"], [(name, value)], lenient=True)
        assert (*asked.used, *asked.ignored) == ((name, value),)
    else:
        with pytest.raises(BadRequest, match="is not of the form"):
            includes.parse(plans, ["Observation"], [(name, value)], lenient=True)
