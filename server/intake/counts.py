"""What an import came to, in numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Counts:
    """Rows that were read, and what became of them; resources that were written.

    Of the rows that were `taken`, some left everything as it was: they are `unchanged`. `warnings`
    are things that were put right, by ``element: rule``.
    """

    rows: int = 0
    taken: int = 0
    unchanged: int = 0
    rejected: int = 0
    resources: int = 0
    warnings: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        """Add what `other` counts."""
        for one in fields(self):
            if one.name != "warnings":
                setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        self.warnings.update(other.warnings)

    def kept(self) -> dict[str, Any]:
        """Return the numbers as they are kept."""
        numbers = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**numbers, "warnings": dict(self.warnings)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Counts":
        """Return the numbers that were `kept`."""
        known = {one.name for one in fields(cls)}
        numbers = {name: value for name, value in kept.items() if name in known}
        return cls(**{**numbers, "warnings": Counter(numbers.get("warnings", {}))})

    def warn(self, told: Iterable[str]) -> None:
        """Count what was put right."""
        self.warnings.update(told)
