"""The queue of records that are about nobody yet: a Task for each, until somebody has decided.

It has what the record says of its patient, and who that may be, for whoever may see Tasks.

Spec: https://hl7.org/fhir/R4/task.html; 人口健康信息管理办法(试行) article 8 (R1.8c)
"""

from collections.abc import Mapping
from typing import Any

from server.fhir import json
from server.fhir.canonical import BASE
from server.interactions.institutions import institution
from server.interactions.residents import ELEMENT, Resolution
from server.store.documents import Version

TYPE, ROLE = "Task", "review"
SYSTEM = f"{BASE}/CodeSystem/resident-review"
CODE = "identify-resident"


def opened(
    record: Mapping[str, Any],
    resolution: Resolution,
    id: str,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the Task `id` to decide whom `record`, which is stored, is about.

    What else `before`, the Task that waits already, has is kept: who has taken it, and notes.
    """
    reference = f"{record['resourceType']}/{record['id']}"
    return {
        **before,
        **_claimed(record),
        "id": id,
        "status": "requested",
        "intent": "order",
        "code": _concept(CODE),
        "focus": {"reference": reference},
        "requester": institution(record),
        "reasonCode": _concept(resolution.reason or ""),
        **_inputs(record, resolution),
    }


def settled(task: Mapping[str, Any], record: Mapping[str, Any] | None, now: str) -> dict[str, Any]:
    """Return `task` as it is once it is known whom `record` is about, or that it was cancelled.

    A record that was deleted is None.
    """
    rest = {name: one for name, one in task.items() if name not in ("output", "for")}
    resident = None if record is None else record.get(ELEMENT)
    if resident is None:
        return {**rest, "status": "cancelled", "lastModified": now}
    output = {"type": _concept("resident"), "valueReference": resident}
    return {
        **rest,
        "status": "completed",
        "for": resident,
        "lastModified": now,
        "output": [output],
    }


def is_open(task: Version | None) -> bool:
    """Tell whether `task` still waits for somebody."""
    if task is None or task.body is None:
        return False
    return json.exact(task.body)["status"] not in ("completed", "cancelled", "entered-in-error")


def _claimed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the beginning of the Task, with the patient that the record contains."""
    text = record["patient"].get("reference", "")
    inside = [one for one in record.get("contained", ()) if f"#{one.get('id')}" == text]
    return {"resourceType": TYPE, **({"contained": inside} if inside else {})}


def _inputs(record: Mapping[str, Any], resolution: Resolution) -> dict[str, Any]:
    said = {"type": _concept("claimed"), "valueReference": record["patient"]}
    candidates = [
        {"type": _concept("candidate"), "valueReference": {"reference": one}}
        for one in resolution.candidates
    ]
    return {"input": [said, *candidates]}


def _concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": SYSTEM, "code": code}]}
