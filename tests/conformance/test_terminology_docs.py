"""What ``docs/terminology*.md`` lists is what is shipped."""

import pytest

from server import content
from tests.conformance import terms

DOCUMENTS = ("terminology.md", "terminology.zh-CN.md")


def tables(name):
    """Return the rows of each table that the script wrote, without their heads."""
    text = (content.ROOT / "docs" / name).read_text("utf-8")
    parts = text.partition("<!-- What follows")[2].split("\n## ")[1:]
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[2:]]
        for rows in ([line for line in part.splitlines() if line.startswith("|")] for part in parts)
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_list_every_code_system(terminology, name):
    systems = {
        id: [
            one["title"] if "zh" in name else terms.english_title(one),
            f"`{one['url']}`" if one["url"].startswith("urn:") else "",
            one.get("version", ""),
            str(one["count"]),
            one["content"],
            one["status"],
        ]
        for id, one in terminology("CodeSystem").items()
    }
    listed = {id: rest for id, *rest in tables(name)[0]}
    assert listed == systems


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize(("place", "type"), [(1, "ConceptMap"), (2, "NamingSystem")])
def test_the_documents_list_every_map_and_naming_system(terminology, name, place, type):
    listed = {id: rest[0] for id, *rest in tables(name)[place]}
    title = "title" if type == "ConceptMap" else "description"
    wanted = {id.removeprefix("oid-"): one[title] for id, one in terminology(type).items()}
    assert listed == wanted
