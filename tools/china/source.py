"""Reading the tables of Chinese facts: CSV whose lines that begin with ``#`` are comments."""

import csv
from pathlib import Path

Row = dict[str, str]


def rows(file: Path) -> list[Row]:
    """Return the rows of `file`, each by the names of its columns; every value is text."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))
