"""One concept of a code system, as the service is asked for it.

Properties and designations stay as the resource has them. Codes that a concept is beneath are
written out, so that subsumption is a look into a set, wherever the concept comes from.

Spec: https://hl7.org/fhir/R4/codesystem.html#concept
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Json = Mapping[str, Any]
_INACTIVE = frozenset(("retired", "inactive"))
_ABSTRACT = ("notSelectable", "abstract")
_AFTER_ALL = "~"


@dataclass(frozen=True, slots=True, eq=False)
class Concept:
    """A concept. `ancestors` are the codes that subsume it, its own among them.

    `parents` are those directly above; without `has_children` it subsumes no other.
    """

    code: str
    display: str | None = None
    definition: str | None = None
    designations: Sequence[Json] = ()
    properties: Sequence[Json] = ()
    parents: tuple[str, ...] = ()
    ancestors: frozenset[str] = frozenset()
    has_children: bool = False

    @property
    def is_inactive(self) -> bool:
        """Tell whether it is not to be used any more."""
        return "true" in self.values("inactive") or bool(self.values("status") & _INACTIVE)

    @property
    def is_abstract(self) -> bool:
        """Tell whether it is there to group others, and not to be chosen."""
        return any("true" in self.values(name) for name in _ABSTRACT)

    def values(self, property: str) -> frozenset[str]:
        """Return the values of `property` as text; a Coding's value is its code."""
        match property:
            case "concept" | "code":
                return frozenset((self.code,))
            case "display":
                return frozenset(() if self.display is None else (self.display,))
            case "parent":
                return frozenset(self.parents)
        found = (value for name, value in properties(self.properties) if name == property)
        return frozenset(found)

    def is_valid(self, on: date) -> bool | None:
        """Tell whether it was valid on that day; None if it does not say when it was."""
        found = self.periods()
        if not found:
            return None
        day = on.isoformat()
        return any(start <= day <= end for start, end in found)

    def periods(self) -> list[tuple[str, str]]:
        """Return when it was valid, as texts that days (YYYY-MM-DD) are between.

        The properties ``validFrom`` and ``validTo``, both included, come in pairs in order of time;
        a pair may lack its beginning or its end. A year or month begins and ends with its days.
        """
        found: list[tuple[str, str]] = []
        start: str | None = None
        for name, value in properties(self.properties):
            if name == "validFrom":
                found += [(start, _AFTER_ALL)] if start is not None else []
                start = value[:10]
            elif name == "validTo":
                found.append((start or "", value[:10] + _AFTER_ALL))
                start = None
        return found if start is None else [*found, (start, _AFTER_ALL)]

    def name(self, language: str | None) -> str | None:
        """Return what it is called in `language` (BCP 47), or else its display."""
        wanted = _primary(language or "")
        for one in self.designations if wanted else ():
            # What it was called once is no name for it.
            is_name = one.get("use", {}).get("code") != "former-name"
            if is_name and _primary(one.get("language", "")) == wanted:
                return str(one["value"])
        return self.display

    def names(self) -> Iterator[str]:
        """Yield all that it is called by."""
        if self.display is not None:
            yield self.display
        yield from (one["value"] for one in self.designations if "value" in one)


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()


def properties(rows: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Yield the code and the value, as text, of each property."""
    for one in rows:
        for name, value in one.items():
            if name.startswith("value"):
                yield one["code"], _text(value)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case {"code": str(code)}:
            return code
    return str(value)
