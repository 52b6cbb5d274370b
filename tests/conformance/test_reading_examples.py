"""HL7's own examples can all be told in a line of a summary, and followed.

Spec: https://hl7.org/fhir/R4/narrative.html
"""

import orjson
import pytest

from server.operations import reading
from tests.conformance.test_structure_examples import INVALID, examples


def test_whatever_is_stored_can_be_told_in_a_line(r4_package):
    count = 0
    for name, body in examples(r4_package):
        if name not in INVALID:
            line = reading.line(reading.read(body), {})
            assert line.name, name
            assert all(isinstance(one, str) for one in (line.name, line.date, line.rest)), name
            count += 1
    assert count > 600


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"text": "血压", "coding": [{"display": "x"}]}, "血压"),
        ({"coding": [{"code": "1"}, {"code": "2", "display": "二"}]}, "二"),
        ({"coding": [{"code": "1"}]}, "1"),
        ([{"text": "一"}, {"text": "二"}], "一"),
        ("code", "code"), ({}, ""), ([], ""),
    ],
)  # fmt: skip
def test_a_concept_in_words(value, said):
    assert reading.concept(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b'{"value":1.50,"unit":"kg"}', "1.50 kg"), (b'{"value":1e-3,"code":"g"}', "1e-3 g"),
        (b'{"comparator":"<","value":5}', "<5"), (b'{"unit":"kg"}', "kg"), (b"{}", ""),
    ],
)  # fmt: skip
def test_a_quantity_in_words_has_the_digits_that_were_stored(value, said):
    assert reading.quantity(reading.read(value)) == said


def test_what_is_said_of_an_observation():
    body = orjson.dumps(
        {
            "resourceType": "Observation",
            "code": {"text": "血压"},
            "effectivePeriod": {"start": "2024-05-01T08:00:00+08:00"},
            "component": [
                {"code": {"text": "收缩压"}, "valueQuantity": {"value": 120, "unit": "mmHg"}},
                {"code": {"text": "舒张压"}, "valueQuantity": {"value": 80, "unit": "mmHg"}},
            ],
        }
    )
    line = reading.line(reading.read(body), {})
    assert (line.name, line.date) == ("血压", "2024-05-01")
    assert line.rest == "收缩压 120 mmHg；舒张压 80 mmHg"
