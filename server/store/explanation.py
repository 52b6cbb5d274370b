"""How MongoDB ran a query: which indexes it went by, and how much it looked at.

Spec: https://www.mongodb.com/docs/manual/reference/explain-results/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_CHILDREN = ("inputStage", "inputStages", "outerStage", "innerStage")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One run: the `stages` from the last to the first, the `indexes`, and what was examined."""

    stages: tuple[str, ...]
    indexes: tuple[str, ...]
    keys: int
    documents: int
    returned: int
    milliseconds: int

    @property
    def scans(self) -> bool:
        """Tell whether the whole collection was gone through."""
        return "COLLSCAN" in self.stages

    @property
    def sorts(self) -> bool:
        """Tell whether documents were sorted in memory."""
        return "SORT" in self.stages


def read(explained: dict[str, Any]) -> Explanation:
    """Return what `explained`, MongoDB's answer to ``explain``, says."""
    stages = [stage for pipeline in explained.get("stages", ()) for stage in pipeline]
    if "stages" in explained:
        explained = explained["stages"][0]["$cursor"]
    run = explained["executionStats"]
    nodes = list(_nodes(run["executionStages"]))
    found = [node["stage"] for node in nodes]
    found += ["SORT" for name in stages if name == "$sort"]
    indexes = [node["indexName"] for node in nodes if "indexName" in node]
    return Explanation(
        tuple(found),
        tuple(dict.fromkeys(indexes)),
        run["totalKeysExamined"],
        run["totalDocsExamined"],
        run["nReturned"],
        run["executionTimeMillis"],
    )


def _nodes(stage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield stage
    for name in _CHILDREN:
        inner = stage.get(name, [])
        for each in inner if isinstance(inner, list) else [inner]:
            yield from _nodes(each)
