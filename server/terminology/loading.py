"""Rows of a table of codes as concepts: every bad row is told, and with any none is taken.

Spec: https://hl7.org/fhir/R4/codesystem.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.fhir.outcome import Issue, Unprocessable
from server.terminology.concepts import Concept
from server.terminology.systems import ancestors, concept

_MOST_FAULTS = 20
_LONGEST_CODE = 200
_LONGEST_NAME = 4000
_SHORTEST_PREFIX = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One concept as a file has it; `number` is that of its line, `columns` tell what is where.

    `parents` are codes, `properties` pairs of code and text. `given` is the concept's JSON where it
    came as that.
    """

    number: int
    code: str
    display: str | None = None
    english: str | None = None
    definition: str | None = None
    parents: tuple[str, ...] = ()
    is_inactive: bool = False
    properties: tuple[tuple[str, str], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] | None = None


def concepts(
    rows: Iterable[Row], *, by_prefix: bool = False, are_parents_here: bool = True
) -> list[tuple[Mapping[str, Any], Concept]]:
    """Return the concepts of `rows`, each with its JSON as a ``CodeSystem.concept``.

    With `by_prefix` a concept is beneath the one with the longest code that its own begins with.
    Unless `are_parents_here`, parents may be concepts of another system.

    Raises Unprocessable with the first twenty faults, each with row, column and rule.
    """
    known: dict[str, Row] = {}
    faults: list[Issue] = []
    for row in rows:
        faults += _faults(row, known)
        known.setdefault(row.code, row)
        if len(faults) >= _MOST_FAULTS:
            raise Unprocessable(*faults)
    parents = {
        code: _prefix(code, known) if by_prefix and not row.parents else row.parents
        for code, row in known.items()
    }
    faults += [
        _fault("load-parent-unknown", known[code], "parent", one)
        for code, above in parents.items()
        for one in above
        if (are_parents_here and one not in known) or one == code
    ]
    if faults:
        raise Unprocessable(*faults[:_MOST_FAULTS])
    if not known:
        raise Unprocessable.because("load-empty")
    elsewhere = {one for above in parents.values() for one in above} - known.keys()
    return list(_made(known, {**parents, **dict.fromkeys(elsewhere, ())}))


def _made(
    known: Mapping[str, Row], parents: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[Mapping[str, Any], Concept]]:
    reached = ancestors(parents)
    groups = {one for above in parents.values() for one in above}
    for code, row in known.items():
        json = _json(row)
        yield json, concept(json, parents[code], reached[code], has_children=code in groups)


def _json(row: Row) -> Mapping[str, Any]:
    if row.given is not None:
        return row.given
    properties: list[Mapping[str, Any]] = [
        {"code": name, "valueString": text} for name, text in row.properties
    ]
    if row.is_inactive:
        properties.append({"code": "inactive", "valueBoolean": True})
    found: dict[str, Any] = {
        "code": row.code,
        "display": row.display,
        "definition": row.definition,
        "designation": [{"language": "en", "value": row.english}] if row.english else None,
        "property": properties,
    }
    return {name: value for name, value in found.items() if value}


def _prefix(code: str, known: Mapping[str, Row]) -> tuple[str, ...]:
    starts = (code[:length] for length in range(len(code) - 1, _SHORTEST_PREFIX - 1, -1))
    found = next((one for one in starts if one in known), None)
    return () if found is None else (found,)


def _faults(row: Row, known: Mapping[str, Row]) -> Sequence[Issue]:
    if not row.code:
        return [_fault("load-code-missing", row, "code", "")]
    if row.code != " ".join(row.code.split()) or len(row.code) > _LONGEST_CODE:
        return [_fault("load-code-malformed", row, "code", row.code)]
    if row.code in known:
        first = known[row.code].number
        return [_fault("load-code-repeated", row, "code", row.code, first=first)]
    if len(row.display or "") > _LONGEST_NAME:
        return [_fault("load-name-too-long", row, "display", "", limit=_LONGEST_NAME)]
    return []


def _fault(message: str, row: Row, column: str, value: str, **more: object) -> Issue:
    told = {"row": row.number, "column": row.columns.get(column, column), "value": value[:40]}
    return Issue("value", message, {**told, **more})
