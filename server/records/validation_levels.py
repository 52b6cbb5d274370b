"""What a write has to conform to, as a setting says it for each type of resource.

``declared`` or ``Patient=required:https://a.example/StructureDefinition/p,Binary=off,*=declared``:
a level for all types, or one for each, where ``*`` is for all that are not named.

Levels: ``off`` asks for the structure of the type only; ``declared`` for what the resource claims
in meta.profile as well, if the server knows that; ``invariants`` for R4's own invariants, too;
``required:<canonical>`` for all of that and for the profile named, claimed or not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OFF, DECLARED, INVARIANTS, REQUIRED = "off", "declared", "invariants", "required"
_TYPE = re.compile(r"\*|[A-Z][A-Za-z]*").fullmatch
_CANONICAL = re.compile(r"[a-z][a-z0-9+.-]*:[^\s,|]+(\|[^\s,|]+)?").fullmatch


@dataclass(frozen=True, slots=True)
class Level:
    """What is asked of one type. `profile` is there if it is a required one."""

    name: str
    profile: str | None = None

    @property
    def has_invariants(self) -> bool:
        """Tell whether R4's invariants hold even for what claims no profile."""
        return self.name in (INVARIANTS, REQUIRED)


@dataclass(frozen=True, slots=True)
class Levels:
    """The level of every type: of those in `by_type`, and of the `others`."""

    others: Level
    by_type: Mapping[str, Level] = field(default_factory=dict)

    def of(self, type: str) -> Level:
        """Return what is asked of resources of `type`."""
        return self.by_type.get(type, self.others)


def read(text: str) -> Levels:
    """Return the levels that `text` says. Raises ValueError if it says none."""
    found: dict[str, Level] = {}
    for part in text.split(","):
        name, equals, level = (one.strip() for one in part.partition("="))
        if not equals:
            name, level = "*", name
        if not _TYPE(name) or name in found:
            raise ValueError(part)
        found[name] = _level(level)
    others = found.pop("*", Level(DECLARED))
    return Levels(others, found)


def _level(text: str) -> Level:
    name, colon, profile = text.partition(":")
    if name == REQUIRED:
        if not _CANONICAL(profile):
            raise ValueError(text)
        return Level(name, profile)
    if colon or name not in (OFF, DECLARED, INVARIANTS):
        raise ValueError(text)
    return Level(name)
