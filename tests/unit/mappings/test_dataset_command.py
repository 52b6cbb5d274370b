"""``tongkang datasets`` shows what the tables say."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from server.cli.datasets import datasets as command

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def shown(monkeypatch):
    def run(*arguments, language="zh"):
        monkeypatch.setenv("TONGKANG_LANGUAGE", language)
        return CliRunner().invoke(command, arguments)

    return run


def test_all_data_sets_are_listed_with_how_much_of_them_was_found(shown, datasets):
    lines = shown().stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [one.name for one in datasets.all]
    assert any(line.startswith("HealthCard  居民健康卡  0/") for line in lines)


def test_one_is_shown_as_a_table_of_its_elements(shown, datasets):
    lines = shown("健康体检").stdout.splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    assert len(rows) == len(datasets.find("健康体检").elements)
    (temperature,) = [row for row in rows if "体温" in row]
    assert "DE04.10.186.00" in temperature
    assert "N N4,1" in temperature
    assert "已查到" in temperature


def test_one_that_is_not_there_is_told(shown):
    result = shown("牙科病历", language="en")
    assert result.exit_code == 1
    assert "InpatientFrontPage" in result.stderr


def test_the_pages_of_all_data_sets_are_what_the_tables_say(shown, datasets):
    pages = {page.stem: page.read_text("utf-8") for page in (DOCS / "datasets").glob("*.md")}
    assert pages.keys() == {one.name for one in datasets.all}
    for name, page in pages.items():
        assert shown(name).stdout == page, f"docs/datasets/{name}.md: make datasets"


def test_the_overview_says_how_much_was_found_and_recalled(datasets):
    overview = (DOCS / "datasets.md").read_text("utf-8")
    for one in datasets.all:
        found = sum(element.status == "found" for element in one.elements.values())
        counts = f"| {found} | {len(one.elements) - found} |"
        assert f"| [`{one.name}`](datasets/{one.name}.md) {one.head.zh} {counts}" in overview
