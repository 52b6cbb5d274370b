"""$validate tells what is wrong with the identity numbers of a resource that claims our profile.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html, GB 11643-1999
"""

import json
from pathlib import Path

import pytest

CASES = Path(__file__).parents[1] / "profiles"


@pytest.fixture
def validated(fhir):
    """Return a function that gives the text of the answer for a file of tests/profiles."""

    def answered(name, language="zh"):
        told = json.loads((CASES / name).read_text("utf-8"))
        sent = told.get("resource", told)
        path = f"{sent['resourceType']}/$validate"
        answer = fhir.post(path, sent, Accept_Language=language)
        assert answer.status_code == 200
        return answer

    return answered


def errors(answer):
    rows = [one for one in answer.json()["issue"] if one["severity"] in ("error", "fatal")]
    return [(one["details"]["coding"][0]["code"], one["expression"][0]) for one in rows]


def test_a_resident_whose_numbers_are_right_is_told_to_be_good(validated):
    assert errors(validated("cn-patient/good-1.json")) == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("id-number-of-another-day", "identity-number-birth-date"),
        ("id-number-of-another-sex", "identity-number-gender"),
        ("id-number-wrong-check", "identity-number-check"),
    ],
)
def test_a_number_that_is_wrong_is_told_of_but_not_repeated(validated, case, rule, language):
    name = f"cn-patient/bad-{case}.json"
    number = json.loads((CASES / name).read_text("utf-8"))["resource"]["identifier"][0]["value"]
    answer = validated(name, language)
    assert (rule, "Patient.identifier[0].value") in errors(answer)
    assert number not in answer.text
    assert ("GB 11643" in answer.text) or ("国办发" in answer.text)
