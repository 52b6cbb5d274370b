"""The tables in ``docs/terminology*.md`` of everything that comes with the server."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from china.writing import BASE, Json

MARK = "<!-- What follows is written by tools/distil_cn.py. -->\n"
_HEADS = {
    "terminology.md": (
        ("Code systems", "id", "title", "system", "edition", "codes", "content", "status"),
        ("Concept maps", "id", "title", "codes", "status"),
        ("Naming systems", "OID", "of", "kind", "status"),
    ),
    "terminology.zh-CN.md": (
        ("代码系统", "id", "名称", "system", "版本", "代码数", "完整性", "状态"),
        ("概念映射", "id", "名称", "代码数", "状态"),
        ("命名系统", "OID", "含义", "类别", "状态"),
    ),
}


def write(docs: Path, resources: Sequence[Json]) -> None:
    """Write the tables into each document that is there, after the line that marks their place."""
    for name, heads in _HEADS.items():
        file = docs / name
        if file.exists():
            kept = file.read_text("utf-8").partition(MARK)[0]
            title = _chinese if "zh" in name else _english
            file.write_text(kept + MARK + "".join(_tables(heads, resources, title)), "utf-8")


def _tables(
    heads: Iterable[Sequence[str]], resources: Sequence[Json], title: Callable[[Json], str]
) -> Iterator[str]:
    rows = (_code_systems(resources, title), _concept_maps(resources), _naming_systems(resources))
    for (heading, *head), body in zip(heads, rows, strict=True):
        yield f"\n## {heading}\n\n"
        yield _line(head)
        yield "|" + "---|" * len(head) + "\n"
        yield from map(_line, body)


def _chinese(resource: Json) -> str:
    return str(resource["title"])


def _english(resource: Json) -> str:
    (translation,) = resource["_title"]["extension"]
    return next(
        part["valueString"] for part in translation["extension"] if part["url"] == "content"
    )


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _code_systems(
    resources: Iterable[Json], title: Callable[[Json], str]
) -> Iterator[tuple[object, ...]]:
    for one in _of("CodeSystem", resources):
        own = one["url"] == f"{BASE}/CodeSystem/{one['id']}"
        url = "" if own else f"`{one['url']}`"
        version = one.get("version", "")
        yield one["id"], title(one), url, version, one["count"], one["content"], one["status"]


def _concept_maps(resources: Iterable[Json]) -> Iterator[tuple[object, ...]]:
    for one in _of("ConceptMap", resources):
        count = sum(len(group["element"]) for group in one["group"])
        yield one["id"], one["title"], count, one["status"]


def _naming_systems(resources: Iterable[Json]) -> Iterator[tuple[object, ...]]:
    for one in _of("NamingSystem", resources):
        yield one["id"].removeprefix("oid-"), one["description"], one["kind"], one["status"]


def _of(type: str, resources: Iterable[Json]) -> list[Json]:
    return sorted((one for one in resources if one["resourceType"] == type), key=_id)


def _id(resource: Json) -> str:
    return str(resource["id"])
