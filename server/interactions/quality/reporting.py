"""MeasureReports of what was counted, brought up to date when somebody asks for them.

There is one for each institution and day, and one for each institution and submission. They are
resources like any: searched, paged, kept in versions, and seen by who may see them.

Spec: https://hl7.org/fhir/R4/measurereport.html, docs/quality.md
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from server.context import Context
from server.fhir.canonical import BASE
from server.fhir.outcome import Conflict
from server.interactions.platform import platform
from server.interactions.quality import measuring
from server.interactions.update import unchanged
from server.interactions.writing import draft
from server.mappings.measured import Measured
from server.store.tallies import Tally

TYPE = "MeasureReport"
MEASURE = f"{BASE}/Measure/encounter-record-quality"
SYSTEM = f"{BASE}/CodeSystem/record-quality"
SUBMISSION = f"{BASE}/sid/submission"
_POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
_DIGITS = 4
_AT_ONCE = 200


def refresh(context: Context) -> None:
    """Bring the reports of all that was counted since up to date, whoever may see them."""
    own = platform(context)
    while True:
        waiting = context.services.tallies.waiting(_AT_ONCE)
        for tally in waiting:
            _report(own, tally)
            context.services.tallies.settle(tally)
        if len(waiting) < _AT_ONCE:
            return


def _report(own: Context, tally: Tally) -> None:
    resource = report(tally, own.interpreters.measured)
    body = orjson.dumps(resource)
    new = draft(own, TYPE, tally.id, resource, body)
    new = replace(new, defaults=tally.told["marks"])
    old = own.resources.find(TYPE, tally.id, "u")
    try:
        if old is None:
            own.resources.create(new, "u")
        elif not unchanged(own, old, new):
            own.resources.replace(new, old)
    except Conflict:
        return  # somebody else has just reported the same


def report(tally: Tally, elements: Sequence[Measured]) -> dict[str, Any]:
    """Return the MeasureReport of `tally`, with a group for each of `elements`."""
    told = tally.told
    submission = told.get("submission")
    named = {"identifier": [{"system": SUBMISSION, "value": submission}]} if submission else {}
    return {
        "resourceType": TYPE,
        "id": tally.id,
        **named,
        "status": "complete",
        "type": "summary",
        "measure": MEASURE,
        "date": tally.ends,
        **({"reporter": told["reporter"]} if told["reporter"] else {}),
        "period": {"start": tally.begins, "end": tally.ends},
        "group": [*_groups(tally.sum), *_completeness(tally.sum, elements)],
    }


def _groups(sum: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    submitted, timed = sum.get(measuring.SUBMITTED, 0), sum.get(measuring.TIMED, 0)
    yield _group(_code("validity"), sum.get(measuring.TAKEN, 0), submitted)
    yield _group(_code("duplicates"), sum.get(measuring.AGAIN, 0), submitted)
    yield _group(_code("corrections"), sum.get(measuring.CORRECTED, 0), submitted)
    yield _group(_code("contradictions"), sum.get(measuring.CONTRADICTED, 0), submitted)
    for name in measuring.DELAYS:
        code = _code(f"timeliness-{name}")
        yield _group(code, sum.get(f"{measuring.DELAY}{name}", 0), timed)
    for name in sorted(sum):
        if name.startswith(measuring.RULE):
            rule = name.removeprefix(measuring.RULE)
            yield _group({**_code("rule"), "text": rule}, sum[name], submitted)


def _completeness(sum: Mapping[str, int], elements: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    told = sum.get(measuring.TOLD, 0)
    for one in elements:
        coding = [*_code("completeness")["coding"], {"system": one.system, "code": one.path}]
        yield _group(
            {"coding": coding, "text": one.title},
            sum.get(f"{measuring.ELEMENT}{one.path}", 0),
            told,
        )


def _code(code: str) -> dict[str, Any]:
    return {"coding": [{"system": SYSTEM, "code": code}]}


def _group(code: dict[str, Any], number: int, of: int) -> dict[str, Any]:
    score = {"measureScore": {"value": round(number / of, _DIGITS)}} if of else {}
    return {
        "code": code,
        "population": [_population("numerator", number), _population("denominator", of)],
        **score,
    }


def _population(code: str, count: int) -> dict[str, Any]:
    return {"code": {"coding": [{"system": _POPULATION, "code": code}]}, "count": count}
