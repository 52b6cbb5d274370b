"""Roles and groups of resource types, as ``profiles/access/`` declares them.

A role says what somebody of that role may do at most, whatever scope a token has.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CLINICAL = "clinical"
_FOLDER = "access"


@dataclass(frozen=True, slots=True)
class Roles:
    """What is declared: the group of each type that is in one, and each role's letters.

    `letters` are by role, then by type or group.
    """

    groups: Mapping[str, str]
    letters: Mapping[str, Mapping[str, str]]
    names: Mapping[str, Mapping[str, str]]

    def group(self, type: str) -> str:
        """Return the group of `type`."""
        return self.groups.get(type, _CLINICAL)

    def is_shared(self, type: str) -> bool:
        """Tell whether `type` is in nobody's record and of no division."""
        return self.group(type) in ("directory", "conformance")

    def is_internal(self, type: str) -> bool:
        """Tell whether `type` has to be named to be meant."""
        return self.group(type) == "internal"

    def of(self, role: str, type: str) -> frozenset[str]:
        """Return the letters that `role` has for `type`."""
        declared = self.letters.get(role, {})
        return frozenset(declared.get(type, declared.get(self.group(type), "")))


@cache
def load(profiles: Path) -> Roles:
    """Return what ``types.toml`` and ``roles.toml`` in the folder `profiles` say."""
    folder = profiles / _FOLDER
    types = tomllib.loads((folder / "types.toml").read_text("utf-8"))
    roles = tomllib.loads((folder / "roles.toml").read_text("utf-8"))
    return Roles(
        {type: group for group, members in types.items() for type in members},
        {role: declared["rights"] for role, declared in roles.items()},
        {role: {"zh": one["zh"], "en": one["en"]} for role, one in roles.items()},
    )
