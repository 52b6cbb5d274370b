"""Categories of data in the words of whoever is asked to agree to their use.

Spec: 个人信息保护法 articles 14, 17, 29, http://www.npc.gov.cn/npc/c30834/202108/t20210820_313088.html
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from server.access.roles import Roles

OTHER, DIRECTORY = "other", "directory"


@dataclass(frozen=True, slots=True)
class Categories:
    """What ``categories.toml`` declares, in its order.

    `names` and `sensitive` are words by category and language; `labels` are the labels
    (v3-ActCode) of each sensitive category.
    """

    names: Mapping[str, Mapping[str, str]]
    sensitive: Mapping[str, Mapping[str, str]]
    labels: Mapping[str, tuple[str, ...]]
    by_type: Mapping[str, str]

    def of(self, type: str, roles: Roles) -> str:
        """Return the category of a resource type."""
        if type in self.by_type:
            return self.by_type[type]
        return DIRECTORY if roles.is_shared(type) else OTHER

    def types(self, category: str, among: Iterable[str], roles: Roles) -> list[str]:
        """Return those types `among` some that are in `category`; internal ones are in none."""
        return [
            type
            for type in sorted(among)
            if self.of(type, roles) == category and not roles.is_internal(type)
        ]


@cache
def load(profiles: Path) -> Categories:
    """Return what ``categories.toml`` in the folder `profiles` says."""
    said = tomllib.loads((profiles / "access" / "categories.toml").read_text("utf-8"))
    categories, sensitive = said["categories"], said["sensitive"]
    return Categories(
        {key: {"zh": one["zh"], "en": one["en"]} for key, one in categories.items()},
        {key: {"zh": one["zh"], "en": one["en"]} for key, one in sensitive.items()},
        {key: tuple(one["labels"]) for key, one in sensitive.items()},
        {type: key for key, one in categories.items() for type in one["types"]},
    )
