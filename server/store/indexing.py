"""An index as the search declares it, and as MongoDB is told of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pymongo


class IndexSpec(Protocol):
    """One index as the search declares it: `keys` are (field, direction) pairs."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def keys(self) -> Sequence[tuple[str, Any]]: ...  # noqa: D102
    @property
    def options(self) -> Mapping[str, Any]: ...  # noqa: D102


def model(spec: IndexSpec) -> pymongo.IndexModel:
    """Return `spec` in the driver's words."""
    return pymongo.IndexModel(list(spec.keys), name=spec.name, **spec.options)
