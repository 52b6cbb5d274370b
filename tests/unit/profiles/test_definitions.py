"""Loading of the facts; what they say is tested in conformance/test_facts.py."""

import json
import shutil

import pytest

from server import content
from server.profiles import snapshots
from server.profiles.definitions import load

FACTS = content.PROFILES / "r4"


@pytest.fixture
def folder(tmp_path):
    """A copy of the facts that a test may change."""
    return shutil.copytree(FACTS, tmp_path / "r4")


def add_parameter(folder, **facts):
    file = folder / "search-parameters.json"
    url = f"http://example.org/SearchParameter/{facts['id']}"
    row = {"url": url, "type": "token", "expression": "Patient.gender", **facts}
    file.write_text(json.dumps([*json.loads(file.read_text("utf-8")), row]), "utf-8")


def test_a_new_search_parameter_is_a_line_of_data(folder):
    add_parameter(folder, id="p", code="sex", base=["Patient"])
    parameters = load(folder).search_parameters
    assert parameters["Patient"]["sex"].expression == "Patient.gender"
    assert "sex" not in parameters["Person"]


def test_two_parameters_of_one_type_and_code_are_refused(folder):
    add_parameter(folder, id="p", code="gender", base=["Patient"])
    with pytest.raises(ValueError, match=r"individual-gender and p are both Patient\?gender"):
        load(folder)


def test_a_types_own_parameter_wins_over_an_inherited_one(folder):
    add_parameter(folder, id="p", code="_tag", base=["Patient"])
    parameters = load(folder).search_parameters
    assert parameters["Patient"]["_tag"].id == "p"
    assert parameters["Person"]["_tag"].id == "Resource-tag"


@pytest.mark.parametrize("name", sorted(file.name for file in FACTS.iterdir()))
def test_a_missing_file_stops_the_start(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        _ = load(folder), snapshots.load(folder)
