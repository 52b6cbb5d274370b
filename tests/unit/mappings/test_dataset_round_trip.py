"""What a right row says comes back as it was, for every element that has an inverse.

Spec: https://hypothesis.readthedocs.io/en/latest/
"""

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from server.fhir.json import dumps
from tests.unit.mappings.dataset_rows import rows

NAMES = (
    "DischargeSummary",
    "ExaminationReport",
    "HealthCard",
    "HealthCheck",
    "InpatientFrontPage",
    "LaboratoryReport",
    "OutpatientRecord",
    "PersonalInformation",
    "Population",
    "Prescription",
)
# A whole row is told at once: to look for the smallest that fails takes minutes, and one that is
# kept means another row as soon as a table has changed.
SHARED = settings(
    max_examples=15,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def test_these_are_all_data_sets(datasets):
    assert {one.name for one in datasets.all} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@SHARED
def test_a_row_comes_back_as_it_was(datasets, there_and_back, name, data):
    dataset = datasets.find(name)
    row = data.draw(rows(dataset))
    back, faults = there_and_back(dataset, row)
    assert [one for one in faults if one.severity == "error"] == []
    assert back == row


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(SHARED, max_examples=3)
def test_what_a_row_comes_to_is_valid(interpreters, name, data):
    dataset = interpreters.datasets.find(name)
    row = data.draw(rows(dataset))
    for one in dataset.read(row).resources:
        faults = interpreters.validator.faults(json.loads(dumps(one)))
        assert [fault for fault in faults if fault.severity in ("error", "fatal")] == []
