"""What residents measure themselves, as forms send it: which numbers can be, and when.

Spec: https://marshmallow.readthedocs.io/en/stable/api_reference.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import fields

from server.fhir.outcome import Issue
from server.records import forms
from server.records.forms import Text, invalid

LOINC = "http://loinc.org"
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．。", "0123456789..")
_OLDEST_YEAR = 2000
_NOTE = Text(least=0, most=200)
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Part:
    """One number of a reading: `name` in the form, LOINC `codes`, UCUM `unit`, its limits."""

    name: str
    codes: tuple[tuple[str, str], ...]
    unit: str
    least: Decimal
    most: Decimal
    places: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of reading; `codes` are those of the whole, where it has several parts."""

    name: str
    category: str
    parts: tuple[Part, ...]
    codes: tuple[tuple[str, str], ...] = ()


def _part(
    name: str, unit: str, limits: tuple[str, str], places: int, *codes: tuple[str, str]
) -> Part:
    return Part(name, codes, unit, Decimal(limits[0]), Decimal(limits[1]), places)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "pressure",
            "vital-signs",
            (
                _part(
                    "systolic", "mm[Hg]", ("50", "260"), 0, ("8480-6", "Systolic blood pressure")
                ),
                _part(
                    "diastolic", "mm[Hg]", ("30", "160"), 0, ("8462-4", "Diastolic blood pressure")
                ),
            ),
            (("85354-9", "Blood pressure panel with all children optional"),),
        ),
        Kind(
            "glucose",
            "laboratory",
            (
                _part(
                    "glucose",
                    "mmol/L",
                    ("1.0", "35.0"),
                    1,
                    ("14743-9", "Glucose [Moles/volume] in Capillary blood by Glucometer"),
                ),
            ),
        ),
        Kind(
            "weight",
            "vital-signs",
            (_part("weight", "kg", ("1", "300"), 2, ("29463-7", "Body weight")),),
        ),
        Kind(
            "height",
            "vital-signs",
            (_part("height", "cm", ("30", "250"), 1, ("8302-2", "Body height")),),
        ),
        Kind(
            "heart-rate",
            "vital-signs",
            (_part("heart-rate", "/min", ("25", "250"), 0, ("8867-4", "Heart rate")),),
        ),
        Kind(
            "temperature",
            "vital-signs",
            (_part("temperature", "Cel", ("33.0", "43.0"), 1, ("8310-5", "Body temperature")),),
        ),
        Kind(
            "oxygen",
            "vital-signs",
            (
                _part(
                    "oxygen",
                    "%",
                    ("50", "100"),
                    0,
                    ("2708-6", "Oxygen saturation in Arterial blood"),
                    ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
                ),
            ),
        ),
        Kind(
            "steps",
            "activity",
            (
                _part(
                    "steps",
                    "{steps}/d",
                    ("0", "100000"),
                    0,
                    ("41950-7", "Number of steps in 24 hour Measured"),
                ),
            ),
        ),
    )
}


class Refused(Exception):
    """The form is no reading as it is; `faults` say why, by field."""

    def __init__(self, faults: Mapping[str, Issue]) -> None:
        super().__init__("The form has faults.")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured: a number for each part, when, and a note."""

    kind: Kind
    values: Mapping[str, Decimal]
    when: datetime
    note: str


class _Number(fields.Field[Decimal]):
    """A number within the limits of `part`, no more exact than it can be measured."""

    def __init__(self, part: Part) -> None:
        super().__init__(required=True)
        self.part = part

    def _deserialize(self, value: object, *_: Any, **__: Any) -> Decimal:
        text, part = str(value).strip().translate(_FULL_WIDTH), self.part
        if not text:
            raise invalid("form-missing")
        try:
            number = Decimal(text) if _NUMBER.fullmatch(text) else None
        except InvalidOperation:  # pragma: no cover - the pattern has only numbers
            number = None
        if number is None:
            raise invalid("reading-not-a-number")
        if not part.least <= number <= part.most:
            raise invalid("reading-out-of-range", least=part.least, most=part.most)
        if -int(number.as_tuple().exponent) > part.places:
            raise invalid("reading-too-exact", places=part.places)
        return number


class _When(fields.Field[datetime]):
    """A local time, as ``<input type=datetime-local>`` sends it, in `zone`; not in the future."""

    def __init__(self, zone: ZoneInfo, now: datetime, born: str) -> None:
        super().__init__(required=True)
        self.zone, self.now, self.born = zone, now, born

    def _deserialize(self, value: object, *_: Any, **__: Any) -> datetime:
        try:
            local = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise invalid("reading-when") from None
        if local.tzinfo is not None:
            raise invalid("reading-when")
        if local.year < _OLDEST_YEAR or local.date().isoformat() < self.born:
            raise invalid("reading-too-old")
        when = local.replace(tzinfo=self.zone)
        if when > self.now + _CLOCKS_DIFFER:
            raise invalid("reading-future")
        return when


def read(
    kind: Kind, form: Mapping[str, str], zone: ZoneInfo, now: datetime, born: str = ""
) -> Reading:
    """Return the reading in `form`. `born` is the patient's day of birth as FHIR writes it.

    Raises Refused with what is wrong at each field.
    """
    shape: dict[str, fields.Field[Any]] = {part.name: _Number(part) for part in kind.parts}
    given, faults = forms.read({**shape, "when": _When(zone, now, born)}, form)
    said, wrong = forms.texts(form, note=_NOTE)
    if faults | wrong:
        raise Refused(faults | wrong)
    values = {part.name: given[part.name] for part in kind.parts}
    if kind.name == "pressure" and values["diastolic"] >= values["systolic"]:
        raise Refused({"diastolic": Issue("value", "reading-diastolic")})
    return Reading(kind, values, given["when"], said["note"])
