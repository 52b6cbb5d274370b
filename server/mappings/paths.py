"""Where a value stands in a tree: ``Condition[past].code``, ``Patient.name[han].text``.

The first part is a type of resource, or one of several of the same type, told apart by a name in
brackets; further parts are elements, of which those in brackets are items of a list that a node of
the table describes.

Spec: https://hl7.org/fhir/R4/fhirpath.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[([^\[\]]+)\])?")


class WrongPathError(ValueError):
    """A table writes a path that nothing can stand at."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path: an element, and the name of the item if it is a list."""

    name: str
    item: str | None = None

    def __str__(self) -> str:
        return self.name if self.item is None else f"{self.name}[{self.item}]"


@dataclass(frozen=True, slots=True)
class Path:
    """A path, which begins with a resource."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> "Path":
        """Return the path that `text` writes. Raises WrongPathError."""
        steps: list[Step] = []
        place = 0
        while place <= len(text):
            match = _STEP.match(text, place)
            if match is None or (match.end() < len(text) and text[match.end()] != "."):
                message = f"{text} is no path."
                raise WrongPathError(message)
            steps.append(Step(match[1], match[2]))
            place = match.end() + 1
        return cls(tuple(steps))

    def __str__(self) -> str:
        return ".".join(map(str, self.steps))

    @property
    def parent(self) -> "Path":
        """Return where the last part stands in."""
        return Path(self.steps[:-1])

    @property
    def last(self) -> Step:
        """Return the last part."""
        return self.steps[-1]

    def heads(self) -> Iterator["Path"]:
        """Yield the paths that this one goes through, the shortest first, itself the last."""
        for length in range(1, len(self.steps) + 1):
            yield Path(self.steps[:length])
