"""Refusals and what they tell, in both languages.

Spec: https://hl7.org/fhir/R4/operationoutcome.html
"""

import string
from http import HTTPStatus

import pytest
from fhir.resources.R4B import get_fhir_model_class

from server import content
from server.fhir import outcome
from server.fhir.messages import templates, text
from server.fhir.outcome import FhirError, Issue, NotFound, Unprocessable, operation_outcome
from server.profiles.definitions import load

REFUSALS = [
    each
    for each in vars(outcome).values()
    if isinstance(each, type) and issubclass(each, FhirError) and each is not FhirError
]


@pytest.fixture(scope="module")
def value_sets():
    return load(content.PROFILES / "r4").value_sets


def arguments(template):
    return {field: "X" for _, field, _, _ in string.Formatter().parse(template) if field}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.__name__)
def test_a_refusal_has_a_status_of_its_own_and_a_code_that_fhir_knows(refusal, value_sets):
    codes = value_sets["http://hl7.org/fhir/ValueSet/issue-type"]
    assert refusal.code in frozenset().union(*codes.values())
    assert HTTPStatus(refusal.status).value >= 400


def test_a_refusal_is_worded_by_its_message():
    refusal = NotFound.because("resource-unknown", type="Patient", id="1")
    (issue,) = refusal.issues
    assert issue.code == "not-found"
    assert str(refusal) == issue.text("en") == "There is no Patient/1."
    assert issue.text("zh") == "没有 Patient/1。"


def test_a_refusal_tells_every_fault():
    issues = [Issue("required", "body-missing"), Issue("value", "body-missing")]
    assert Unprocessable(*issues).issues == tuple(issues)


@pytest.mark.parametrize(("language", "tag"), [("zh", "zh-CN"), ("en", "en")])
def test_an_outcome_speaks_the_language_that_it_names(language, tag):
    issue = Issue("value", "body-missing", expression="Patient.name[0]")
    made = operation_outcome([issue], language)
    assert made["language"] == tag
    (told,) = made["issue"]
    assert told["details"]["text"] == text("body-missing", language, {})
    assert told["details"]["coding"] == [{"system": outcome.MESSAGE_SYSTEM, "code": "body-missing"}]
    assert told["expression"] == ["Patient.name[0]"]
    assert told["severity"] == "error"


def test_an_issue_about_no_element_names_none():
    (told,) = operation_outcome([Issue("value", "body-missing")], "en")["issue"]
    assert "expression" not in told


def test_another_library_reads_an_outcome():
    issue = Issue(
        "informational", "resource-unknown", {"type": "a", "id": "b"}, "Patient", "warning"
    )
    read = get_fhir_model_class("OperationOutcome").model_validate(operation_outcome([issue], "zh"))
    assert read.issue[0].severity == "warning"


@pytest.mark.parametrize("key", sorted(templates()))
def test_every_message_can_be_said_in_both_languages(key):
    for language in ("zh", "en"):
        said = text(key, language, arguments(templates()[key][language]))
        assert said
        assert "{" not in said.replace("{{", "")


def test_an_argument_may_be_called_differently_in_each_language():
    kind = {"zh": "邮政编码", "en": "postal code"}
    given = {"number": "1", "standard": "S", "kind": kind}
    assert "邮政编码" in text("identity-number-shape", "zh", given)
    assert "postal code" in text("identity-number-shape", "en", given)


def test_what_a_caller_sent_is_not_taken_for_a_template():
    said = text("resource-unknown", "en", {"type": "{id.__class__}", "id": "{0}"})
    assert said == "There is no {id.__class__}/{0}."


def test_a_message_that_nobody_wrote_is_an_error_of_ours():
    with pytest.raises(KeyError):
        text("no-such-message", "en", {})
