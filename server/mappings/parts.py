"""The parts of a record that are rows of their own: each prescription and each report.

A visit has several of them, each with its number; a row of 处方, 检验报告 or 检查报告 tells of one.

Spec: WS 445-2014, parts 3 to 5, https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.mappings.datasets import DataSet
from server.mappings.templates import matches

Json = Any
Node = Mapping[str, Json]
_NUMBERS = {"prescription": ("number",), "report": ("number", "value"), "result": ("report",)}
"""Where each item of a list has the number of its part."""


@dataclass(frozen=True, slots=True)
class RecordPart:
    """What a record says of one part, whose `number` is empty if it has none."""

    number: str
    record: dict[str, Json]


def parts(dataset: DataSet, record: Node) -> list[RecordPart]:
    """Return the parts of `record` that rows of `dataset` tell of, one at least.

    A record whose rows are whole visits is one part.
    """
    root = record["resourceType"]
    paths = list(dataset.made.layout.places)
    lists = [one for one in _NUMBERS if any(path.startswith(f"{root}.{one}[") for path in paths)]
    strange = _strange_numbers(dataset, record)
    items = {
        name: [one for one in record.get(name, ()) if _number(name, one) not in strange]
        for name in lists
    }
    numbers = dict.fromkeys(_number(name, one) for name, some in items.items() for one in some)
    return [RecordPart(number, {**record, **_having(items, number)}) for number in numbers or ("",)]


def _strange_numbers(dataset: DataSet, record: Node) -> set[str]:
    """Return the numbers of reports of another kind than `dataset`, as their systems tell."""
    place = dataset.made.layout.places.get(f"{record['resourceType']}.report[one].number")
    if place is None:
        return set()
    numbers = [one["number"] for one in record.get("report", ()) if "number" in one]
    own = [one for one in numbers if matches(place.fixed, one)]
    strange = [one for one in numbers if one not in own]
    return {one.get("value", "") for one in strange} - {one.get("value", "") for one in own}


def _number(name: str, item: Node) -> str:
    found: Json = item
    for step in _NUMBERS[name]:
        found = found.get(step, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, str) else ""


def _having(items: Mapping[str, list[Node]], number: str) -> dict[str, list[Node]]:
    return {
        name: [one for one in some if _number(name, one) == number] for name, some in items.items()
    }
