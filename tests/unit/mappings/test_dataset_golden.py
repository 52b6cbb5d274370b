"""One synthetic row for each data set, its resources reviewed element by element.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import json
from pathlib import Path

import pytest

from server.fhir.json import dumps, spelled

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


@pytest.fixture(params=GOLDEN, ids=lambda file: file.stem)
def golden(request):
    body = request.param.read_bytes()
    return request.param.stem, json.loads(body)["row"], spelled(body)["resources"]


def test_every_data_set_has_one(datasets):
    assert {one.name for one in datasets.all} == {file.stem for file in GOLDEN}


def test_a_row_comes_to_these_resources_digit_for_digit(datasets, golden):
    name, row, resources = golden
    read = datasets.find(name).read(row)
    assert read.faults == ()
    assert [spelled(dumps(one)) for one in read.resources] == resources


def test_the_resources_come_back_to_the_row(datasets, golden):
    name, row, resources = golden
    assert datasets.find(name).restore(resources).row == row


def test_each_resource_conforms_to_the_profile_that_it_claims(interpreters, golden):
    name, row, _ = golden
    for entry in interpreters.datasets.find(name).read(row).entries:
        faults = interpreters.validator.faults(json.loads(dumps(entry.resource)))
        assert [one for one in faults if one.severity in ("error", "fatal")] == []


def test_references_are_to_other_entries_of_the_row(datasets, golden):
    name, row, _ = golden
    read = datasets.find(name).read(row)
    known = {entry.full_url for entry in read.entries}
    assert len(known) == len(read.entries)
    assert set(_references(read.resources)) - {"#patient"} <= known


def _references(value):
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
