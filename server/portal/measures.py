"""Observations put together by what they measure, as trends over time.

Spec: https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from markupsafe import Markup

from server.fhir import date
from server.fhir.json import Resource
from server.fhir.messages import Language, text
from server.portal import words
from server.portal.charts import Point, chart

_MARKS: Mapping[str, str] = {
    "H": "result-high",
    "HH": "result-high",
    "L": "result-low",
    "LL": "result-low",
    "A": "result-abnormal",
    "AA": "result-abnormal",
    "N": "result-normal",
    "POS": "result-positive",
    "NEG": "result-negative",
}
Range = tuple[float | None, float | None]
ASKED = ("code", "text")
"""The parameters of a page that name a measure."""
_DRAWN = 1e12
"""What is as large as this measures nothing about a person, and is told but not drawn."""


@dataclass(frozen=True, slots=True)
class Row:
    """One result in words; `mark` tells whether it is usual."""

    when: str
    value: str
    usual: str
    mark: str
    is_usual: bool
    by: str
    labels: tuple[str, ...]


@dataclass(slots=True)
class Measure:
    """All results of one thing, the newest first, and what a picture of them needs.

    `named` is how it is asked for: ``("code", "system|code")``, or ``("text", name)`` if it has
    no code.
    """

    named: tuple[str, str]
    name: str
    unit: str = ""
    usual: Range | None = None
    rows: list[Row] = field(default_factory=list)
    series: dict[str, list[Point]] = field(default_factory=dict)

    def picture(self, id: str, language: Language) -> Markup:
        """Return the trend as SVG, empty if there is nothing to draw."""
        lines = [list(reversed(points)) for points in self.series.values()]
        if sum(len(points) for points in lines) < 2:
            return Markup()
        told = text(
            "result-described",
            language,
            {
                "count": len(self.rows),
                "first": self.rows[-1].when,
                "last": self.rows[0].when,
                "value": self.rows[0].value,
            },
        )
        title = f"{self.name} ({self.unit})" if self.unit else self.name
        return chart(id, title, told, lines, self.usual)


def measures(observations: Iterable[Resource], language: Language, zone: tzinfo) -> list[Measure]:
    """Return the measures that `observations`, the newest first, come to."""
    found: dict[tuple[str, str], Measure] = {}
    for one in observations:
        named = _named(one)
        measure = found.setdefault(named, Measure(named, words.concept(one.get("code"), language)))
        measure.rows.append(_row(one, language, zone))
        for name, value, point in _points(one, zone, language):
            measure.series.setdefault(name, []).append(point)
            measure.unit = measure.unit or words.unit(value)
            measure.usual = measure.usual or _range(one)
    return list(found.values())


def _named(observation: Resource) -> tuple[str, str]:
    """Return what tells one measure from another: its first code, else its text."""
    for one in observation.get("code", {}).get("coding", ()):
        if one.get("code"):
            return "code", f"{one.get('system', '')}|{one['code']}"
    return "text", words.concept(observation.get("code"))


def _row(one: Resource, language: Language, zone: tzinfo) -> Row:
    marks = [
        str(coding.get("code"))
        for each in one.get("interpretation", ())
        for coding in each.get("coding", ())
    ]
    mark = next((text(_MARKS[code], language, {}) for code in marks if code in _MARKS), "")
    performers = [words.reference(each) for each in one.get("performer", ())]
    return Row(
        words.moment(words.when(one), zone),
        words.result(one, language),
        _usual(one),
        mark,
        not set(marks) - {"N", "NEG"},
        ", ".join(each for each in performers if each),
        tuple(words.labels(one, language)),
    )


def _points(
    one: Resource, zone: tzinfo, language: Language
) -> Iterator[tuple[str, Mapping[str, Any], Point]]:
    """Yield (name of the line, quantity, point) of each number in an Observation."""
    moment = words.when(one)
    try:
        when = date.interval(moment, zone).start / 1_000_000
    except ValueError:
        return
    for part in (one, *one.get("component", ())):
        quantity = part.get("valueQuantity", {})
        value = quantity.get("value")
        if isinstance(value, int | float) and abs(value) < _DRAWN:
            point = Point(when, float(value), words.moment(moment, zone)[:10])
            yield words.concept(part.get("code"), language), quantity, point


def _range(one: Resource) -> Range | None:
    for each in one.get("referenceRange", ()):
        low, high = (each.get(side, {}).get("value") for side in ("low", "high"))
        if low is not None or high is not None:
            return low, high
    return None


def _usual(one: Resource) -> str:
    for each in one.get("referenceRange", ()):
        if each.get("text"):
            return str(each["text"])
    found = _range(one)
    if found is None:
        return ""
    low, high = found
    if low is None:
        return f"≤ {high}"
    return f"≥ {low}" if high is None else f"{low}–{high}"
