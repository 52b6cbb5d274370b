"""Labels of sensitive data: which ones the codes of a resource bring with them.

Who may see a label is decided elsewhere; what has it is decided by ``terminology/sensitivity.toml``
when it is stored, not by whoever stores it.

Spec: https://terminology.hl7.org/CodeSystem-v3-ActCode.html
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_LOINC = "http://loinc.org"
_SHORTEST, _LONGEST = 2, 6
Labels = Callable[[Mapping[str, Any]], list[str]]


@cache
def declared(terminology: Path) -> Mapping[str, Any]:
    """Return what ``sensitivity.toml`` says of each label, by its code."""
    found: Mapping[str, Any] = _read(terminology)["labels"]
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """Labels by resource type, by (system, code), and by the beginning of a code of ICD-10."""

    icd10: frozenset[str]
    types: dict[str, set[str]] = field(default_factory=dict)
    codes: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    starts: dict[str, set[str]] = field(default_factory=dict)

    def of(self, system: str, code: str) -> set[str]:
        """Return the labels of one code."""
        if system not in self.icd10:
            return self.codes.get((system, code), set())
        lengths = range(_SHORTEST, min(len(code), _LONGEST) + 1)
        return set().union(*(self.starts.get(code[:length], set()) for length in lengths))


def labels(terminology: Path) -> Labels:
    """Return the function from a resource to its labels, sorted."""
    said = _read(terminology)
    table = _Table(frozenset(said["icd10"]))
    for label, one in said["labels"].items():
        table.codes[_ACT_CODE, label] = {label}
        for type in one.get("types", ()):
            table.types.setdefault(type, set()).add(label)
        for code in one["loinc"]:
            table.codes.setdefault((_LOINC, code), set()).add(label)
        for start in one["begins"]:
            table.starts.setdefault(start, set()).add(label)

    def found(resource: Mapping[str, Any]) -> list[str]:
        result = set(table.types.get(resource["resourceType"], ()))
        codings: list[tuple[str, str]] = []
        _collect(resource, codings)
        for system, code in codings:
            result |= table.of(system, code)
        return sorted(result)

    return found


@cache
def _read(terminology: Path) -> Mapping[str, Any]:
    return tomllib.loads((terminology / "sensitivity.toml").read_text("utf-8"))


def _collect(value: Any, found: list[tuple[str, str]]) -> None:  # noqa: ANN401  # any JSON
    """Add each code with its system, anywhere in the dict or list `value`, to `found`."""
    # The parser gives exact dicts and lists; `type is` costs a third of isinstance here.
    children: Iterable[Any] = value
    if type(value) is dict:
        system, code = value.get("system"), value.get("code")
        if type(system) is str and type(code) is str:
            found.append((system, code))
        children = value.values()
    for child in children:
        kind = type(child)
        if kind is dict or kind is list:
            _collect(child, found)
