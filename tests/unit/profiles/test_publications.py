"""Which resources come with the server: what lies in folders that are called like their type."""

import pytest

from server import content
from server.profiles.publications import load

TYPES = frozenset({"CodeSystem", "OperationDefinition", "SearchParameter"})


@pytest.fixture
def folder(tmp_path):
    for path, text in {
        "CodeSystem/a.json": '{ "resourceType": "CodeSystem", "id": "a", "count": 1.0 }',
        "r4/types.json": "[]",
        "loose.json": "{}",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_what_lies_under_a_type_comes_with_the_server(folder):
    (one,) = load([folder], TYPES).all
    assert (one.type, one.id) == ("CodeSystem", "a")
    assert one.body == b'{"resourceType":"CodeSystem","id":"a","count":1.0}'


def test_another_content_is_another_edition(folder):
    before = load([folder], TYPES)
    (folder / "CodeSystem/a.json").write_text('{"resourceType":"CodeSystem","id":"a","count":1}')
    after = load([folder], TYPES)
    assert before.digest != after.digest
    assert after.digest == load([folder], TYPES).digest


@pytest.mark.parametrize(
    "text", ['{"resourceType":"CodeSystem","id":"b"}', '{"resourceType":"ValueSet","id":"a"}', "{}"]
)
def test_a_file_that_is_not_what_its_path_says_is_found_at_the_start(folder, text):
    (folder / "CodeSystem/a.json").write_text(text)
    with pytest.raises(ValueError, match="path says"):
        load([folder], TYPES)


def test_ours_are_there():
    known = load([content.PROFILES, content.TERMINOLOGY], TYPES)
    assert known.has("SearchParameter", "pinyin")
    assert known.has("OperationDefinition", "validate")
    assert not known.has("OperationDefinition", "nonsense")
