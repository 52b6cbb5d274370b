"""What is counted of one submitted record.

Of each record: whether it was taken, whether it told anything new, which rules it broke, and which
contradict what else it says. Of one that told something: which elements it has, and how long after
the end of the visit it came.

Spec: docs/quality.md,
https://hl7.org/fhir/R4/measurereport.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from server.profiles.identity_numbers.residents import ID_NUMBER, WrongNumberError, holder

SUBMITTED, TAKEN, TOLD, AGAIN, CORRECTED = "submitted", "taken", "told", "again", "corrected"
CONTRADICTED, TIMED = "contradicted", "timed"
ELEMENT, RULE, DELAY = "element:", "rule:", "delay:"
DELAYS = {"1d": timedelta(days=1), "3d": timedelta(days=3), "7d": timedelta(days=7),
          "30d": timedelta(days=30)}  # fmt: skip
"""Within how long after the end of a visit its record came."""
_CONTRADICTIONS = frozenset(
    ("contradiction", "order", "body-mass-index", "record-birth-date", "record-sex", "record-end")
)
_DAY = len("2024-05-08")
_SEXES = ("male", "female")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record: `fate` is new, changed, same or refused.

    `record` is that which was sent, as far as it could be read; `rules` are the names of those that
    it broke, each once.
    """

    fate: str
    record: Mapping[str, Any]
    rules: tuple[str, ...] = ()


def counted(outcome: Outcome, elements: Sequence[str], now: datetime) -> dict[str, int]:
    """Return what `outcome` adds to each number, where `elements` are the paths of its type.

    `now` has a zone, which is that of days without a time.
    """
    is_taken = outcome.fate != "refused"
    contradictions = contradicted(outcome.record, now.tzinfo) if is_taken else ()
    rules = dict.fromkeys((*outcome.rules, *contradictions))
    found = {SUBMITTED: 1, **{f"{RULE}{one}": 1 for one in rules}}
    if not _CONTRADICTIONS.isdisjoint(rules):
        found[CONTRADICTED] = 1
    if is_taken:
        found[TAKEN] = 1
    if outcome.fate == "same":
        found[AGAIN] = 1
    elif is_taken:
        found[TOLD] = 1
        found |= {CORRECTED: 1} if outcome.fate == "changed" else {}
        found |= {f"{ELEMENT}{path}": 1 for path in elements if _has(outcome.record, path)}
        found |= _delays(outcome.record, now)
    return found


def contradicted(record: Mapping[str, Any], zone: tzinfo | None) -> tuple[str, ...]:
    """Return by which rules `record` contradicts itself; a day without a time is one of `zone`."""
    return tuple(dict.fromkeys(_contradictions(record, zone)))


def _contradictions(record: Mapping[str, Any], zone: tzinfo | None) -> Iterator[str]:
    if _is_before(record.get("end"), record.get("start"), zone):
        yield "record-end"
    for patient in record.get("contained", ()):
        numbers = [
            one["value"]
            for one in patient.get("identifier", ())
            if one.get("system") == ID_NUMBER and one.get("use") != "old" and "value" in one
        ]
        for number in numbers:
            yield from _against(number, patient)


def _against(number: str, patient: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the ID number of `patient` tells otherwise than the rest."""
    try:
        who = holder(number)
    except WrongNumberError:
        return
    born, sex = patient.get("birthDate"), patient.get("gender")
    if isinstance(born, str) and not who.born.isoformat().startswith(born):
        yield "record-birth-date"
    if sex in _SEXES and sex != who.sex:
        yield "record-sex"


def _delays(record: Mapping[str, Any], now: datetime) -> dict[str, int]:
    zone = now.tzinfo
    ended = _moment(record.get("end"), zone) or _moment(record.get("start"), zone)
    if ended is None:
        return {}
    passed = now - ended
    return {TIMED: 1, **{f"{DELAY}{name}": 1 for name, most in DELAYS.items() if passed <= most}}


def _is_before(one: object, other: object, zone: tzinfo | None) -> bool:
    """Tell whether `one` is before the `other`; a day and a time of that day are in order."""
    first, second = _moment(one, zone), _moment(other, zone)
    if first is None or second is None:
        return False
    if _DAY in (len(str(one)), len(str(other))):
        return first.astimezone(zone).date() < second.astimezone(zone).date()
    return first < second


def _moment(text: object, zone: tzinfo | None) -> datetime | None:
    """Return the moment that `text` tells; of a day its beginning, None if it is no full date."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=zone)


def _has(node: object, path: str) -> bool:
    """Tell whether there is anything at `path` of `node`, in one item of a list at least."""
    name, _, rest = path.partition(".")
    found = node.get(name) if isinstance(node, Mapping) else None
    if not rest or found is None:
        return found is not None
    items = found if isinstance(found, list) else (found,)
    return any(_has(one, rest) for one in items)
