"""Faults of structure and where they are: https://hl7.org/fhir/R4/validation.html."""

import json
import tomllib
from importlib import resources

import pytest

from tests.unit.profiles.bad_resources import BAD
from tests.unit.profiles.good_resources import GOOD, observation, patient

MESSAGES = resources.files("server.fhir.messages")


@pytest.mark.parametrize("resource", GOOD)
def test_a_good_resource_has_no_faults(faults, resource):
    assert faults(resource) == []


@pytest.mark.parametrize(("resource", "expression", "message"), BAD)
def test_a_fault_is_found_where_it_is_and_no_other(faults, resource, expression, message):
    assert faults(resource) == [(expression, message)]


def test_every_fault_is_told(faults):
    resource = {
        "resourceType": "Patient",
        "name": [{"given": ["伟", 1, ""]}, {}],
        "gender": "x",
        "foo": 1,
        "birthDate": "2023-02-30",
        "contact": [{"telecom": [{"system": "pigeon"}]}],
    }
    assert faults(resource) == [
        ("Patient.name[0].given[1]", "structure-json-type"),
        ("Patient.name[0].given[2]", "structure-empty-string"),
        ("Patient.name[1]", "structure-empty-object"),
        ("Patient.gender", "structure-code-not-in-value-set"),
        ("Patient.foo", "structure-unknown-element"),
        ("Patient.birthDate", "structure-no-such-day"),
        ("Patient.contact[0].telecom[0].system", "structure-code-not-in-value-set"),
    ]


def test_of_very_many_faults_the_first_are_told(validator):
    issues = validator.faults(patient(name=[{}] * 100_000))
    assert len(issues) == 501
    assert issues[-1].message == "structure-more-faults"


def test_nesting_without_end_is_refused_not_fatal(validator):
    resource = observation()
    for _ in range(100_000):
        resource = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": resource}]}
    issues = validator.faults(resource)
    assert [issue.message for issue in issues] == ["structure-too-deep"]


def test_deep_nesting_with_siblings_takes_no_more_time_than_its_size(faults):
    """The sibling comes last, where a check that starts over would double at each level."""
    item = {"linkId": "1", "type": "group", "_linkId": {"id": ""}}
    for _ in range(60):
        item = {"linkId": "1", "type": "group", "item": [item], "_linkId": {"id": "a"}}
    resource = {"resourceType": "Questionnaire", "status": "draft", "item": [item]}
    path = "Questionnaire" + ".item[0]" * 61 + ".linkId.id"
    assert faults(resource) == [(path, "structure-empty-string")]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("resource", "expression", "message"), BAD)
def test_every_fault_is_worded_in_both_languages(
    validator, resource, expression, message, language
):
    for issue in validator.faults(resource):
        text = issue.text(language)
        assert "{" not in text.replace("{…}", "")
        assert len(text) < 250
        assert text.isprintable()


def test_a_long_value_is_cut_in_its_message(validator):
    (issue,) = validator.faults(patient(gender="x" * 1000))
    assert f"“{'x' * 39}…”" in issue.text("zh")


def test_every_fault_is_shown_by_a_case():
    shown = {message for _, _, message in BAD}
    said = tomllib.loads((MESSAGES / "structure.toml").read_text("utf-8"))
    mine = {key for key in said if key.startswith(("structure-", "reference-"))}
    assert mine - shown <= {"structure-more-faults", "structure-too-deep"}


def test_the_cases_are_json():
    for resource in [*GOOD, *(case[0] for case in BAD)]:
        assert json.loads(json.dumps(resource)) == resource
