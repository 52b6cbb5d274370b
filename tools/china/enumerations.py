"""The values that are listed with a data element itself, and not in a table of their own.

Spec: WS/T 363-2023 卫生健康信息数据元目录 (data type S2)
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from china.source import rows
from china.systems import Concept, System
from china.tables import PUBLISHERS, STATUS

_TITLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_EDITION = "2023"
# "1.从不吸烟 2.过去吸,已戒烟 3.吸烟"
_VALUE = re.compile(r"(\d+)\.(.+?)(?=\s+\d+\.|$)")


def systems(datasets: Path) -> Iterator[System]:
    """Yield the values of each element in ``enumerations.toml`` as a code system."""
    for row in rows(datasets / "de_wst363_2023.csv"):
        if row["de_id"] in _TITLES:
            yield System(
                id=f"{row['de_id'].lower()}-{_EDITION}",
                version=_EDITION,
                title=f"{row['name']}允许值",
                english=_TITLES[row["de_id"]],
                description=f"WS/T 363-2023 数据元 {row['de_id']} {row['name']}的允许值。"
                f"{STATUS[True]}",
                publisher=PUBLISHERS["health"],
                concepts=[Concept(*found) for found in _VALUE.findall(row["allowed_values"])],
            )
