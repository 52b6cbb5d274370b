"""The data sets that come with the server, read once in a process: nobody changes them there."""

from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from server.mappings.datasets import DataSets
from server.profiles import shipped as profiles
from server.profiles.identity_numbers import kinds
from server.terminology import library, service


@cache
def shipped(mappings: Path, folder: Path, terminology: Path, zone: ZoneInfo) -> DataSets:
    """Return the data sets in `mappings`, whose tables go by what lies in `terminology`.

    `folder` has the profiles. Raises WrongTableError if a table is at fault.
    """
    published = profiles.shipped(folder, terminology, zone).publications
    codes = service.load(
        (one.body for one in published.all if one.type in library.TYPES),
        terminology / "r4",
        terminology / "editions.toml",
    )
    return DataSets.load(mappings, codes, kinds.load(folder / "identity"))
