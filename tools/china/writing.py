"""The text of a resource: stable, and one concept or mapping on a line of its own."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Json = dict[str, Any]

BASE = "https://tongkang.example/fhir"
# Lists whose items stand on lines of their own, wherever they are.
_SPREAD = frozenset({"concept", "element", "group"})


def text(resource: Json) -> str:
    """Return `resource` as JSON: a line for each element, and for each concept of it."""
    lines = ",\n".join(f"  {_quoted(key)}: {_laid(key, resource[key], 1)}" for key in resource)
    return f"{{\n{lines}\n}}\n"


def write(folder: Path, resources: Iterable[Json]) -> None:
    """Write each resource to ``<folder>/<Type>/<id>.json``.

    Raises ValueError if two of them have one name.
    """
    for resource in resources:
        file = folder / resource["resourceType"] / f"{resource['id']}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            message = f"Two resources are called {file.parent.name}/{file.name}."
            raise ValueError(message)
        file.write_text(text(resource), encoding="utf-8")


def _laid(key: str, value: object, depth: int) -> str:
    if key not in _SPREAD or not isinstance(value, list):
        return _quoted(value)
    indent = "  " * depth
    items = ",\n".join(f"{indent}  {_item(item, depth + 1)}" for item in value)
    return f"[\n{items}\n{indent}]"


def _item(item: Json, depth: int) -> str:
    return "{" + ", ".join(f"{_quoted(key)}: {_laid(key, item[key], depth)}" for key in item) + "}"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
