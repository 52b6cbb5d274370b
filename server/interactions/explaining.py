"""``_explain=true``: how a search would be run, for those who look after the server.

An addition of this server. The answer is a Parameters resource with a part for each type that is
searched: the condition and order as MongoDB gets them, the indexes it goes by, and how much it
looks at for the first page.
"""

from collections.abc import Sequence
from typing import Any

from server.context import Context
from server.fhir import json
from server.search.query import Ready


def explained(context: Context, legs: Sequence[Ready], count: int) -> bytes:
    """Return the Parameters that tell how `legs` are run for a page of `count`."""
    parts = [{"name": "search", "part": _leg(context, leg, count)} for leg in legs]
    return json.dumps({"resourceType": "Parameters", **({"parameter": parts} if parts else {})})


def _leg(context: Context, leg: Ready, count: int) -> list[dict[str, Any]]:
    run = context.resources.explain(leg.type, leg.condition, leg.order, max(1, count))
    return [
        {"name": "type", "valueCode": leg.type},
        {"name": "condition", "valueString": json.dumps(leg.condition).decode()},
        {"name": "order", "valueString": leg.order.name},
        {"name": "rowsAskedOneByOne", "valueBoolean": bool(leg.sieves)},
        *({"name": "index", "valueString": name} for name in run.indexes),
        *({"name": "stage", "valueString": name} for name in run.stages),
        {"name": "keysExamined", "valueInteger": run.keys},
        {"name": "documentsExamined", "valueInteger": run.documents},
        {"name": "returned", "valueInteger": run.returned},
        {"name": "milliseconds", "valueInteger": run.milliseconds},
    ]
