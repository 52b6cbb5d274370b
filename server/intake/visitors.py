"""Whether a row about a visit that is known is about the same person.

A number of a visit that is mistyped, or given once more, would put one person's results into the
record of another.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c);
https://hl7.org/fhir/R4/references.html#logical
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.interactions.claimed import TYPE, Claimed
from server.interactions.residents import ELEMENT
from server.store.documents import Version
from server.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Known:
    """A record that is there, and the Patient whom it is about, if that is known."""

    version: Version
    record: json.Resource
    resident: json.Resource | None


def known(
    look: Transaction, type: str, conditions: Sequence[Mapping[str, Any]]
) -> list[Known | None]:
    """Return for each of `conditions` the record that fulfils it."""
    found = [next(iter(one), None) for one in look.matching(type, conditions, 1)]
    records = [orjson.loads((one and one.body) or b"{}") for one in found]
    named = [_resident(one) for one in records]
    patients = look.versions(TYPE, {one for one in named if one}, "r")
    bodies = {id: orjson.loads(one.body) for id, one in patients.items() if one.body is not None}
    return [
        None if version is None else Known(version, record, bodies.get(id))
        for version, record, id in zip(found, records, named, strict=True)
    ]


def is_another(record: json.Resource, there: Known, base_url: str, *, is_part: bool) -> bool:
    """Tell whether `record` names somebody else than is known.

    A part contradicts neither the record nor the resident. A whole visit may put a name or a number
    right, but not both at once.
    """
    said, before = Claimed.by(record, base_url), Claimed.by(there.record, base_url)
    if not is_part:
        return not said.agrees(before) and not said.shares(before)
    others = [before] if there.resident is None else [before, Claimed.of(there.resident)]
    return not all(said.agrees(one) for one in others)


def stranger(record: json.Resource) -> Unprocessable:
    """Return the refusal of `record`, whose visit is another person's."""
    number = str(record.get("visitNumber"))[:60]
    where = f"{record['resourceType']}.patient"
    return Unprocessable.because("intake-visit-of-another", where, number=number)


def _resident(record: json.Resource) -> str:
    reference: str = record.get(ELEMENT, {}).get("reference", "")
    return reference.removeprefix(f"{TYPE}/")
