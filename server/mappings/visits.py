"""Conversions of what identifies a visit.

The front page of an inpatient record need not have a number of the stay: the number of the record
and the count of stays identify it, and stand for one together.

Spec: 卫医政发〔2011〕84号 住院病案首页; WS 445.10-2014
"""

from typing import Any

from server.mappings.conversions import Asked, Beside, Conversion

Json = Any


def number(_: Asked) -> Conversion:
    """Make ``visitNumber`` of the number of a stay; one that was made of others is not given back."""

    def restore(node: Json) -> str | None:
        found = node.get("visitNumber")
        return None if found is None or found == _made_of_others(node) else str(found)

    def read(value: str, _: Beside) -> Json:
        return {"visitNumber": value}

    return Conversion(read, restore)


def _made_of_others(node: Json) -> str | None:
    if "recordNumber" not in node or "admissionCount" not in node:
        return None
    return f"{node['recordNumber']}-{node['admissionCount']}"


def numbered(record: dict[str, Any]) -> None:
    """Give `record` a number made of that of the record and the count of stays, if it has none."""
    made = _made_of_others(record)
    if "visitNumber" not in record and made is not None:
        record["visitNumber"] = made
