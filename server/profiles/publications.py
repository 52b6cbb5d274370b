"""The definitions that come with the server, as resources that anybody can read and search.

Each lies in ``<folder>/<Type>/<id>.json``, of ``profiles/`` or ``terminology/``; a folder that is
called like no resource type has facts of another kind.

Spec: https://hl7.org/fhir/R4/resource.html#canonical
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from server.fhir import json

_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Publication:
    """One resource that comes with the server; `body` has no white space."""

    type: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Publications:
    """All of them; `digest` is another one when anything in them is."""

    all: tuple[Publication, ...]
    digest: str = field(init=False)
    _keys: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Work out what is asked for with every write."""
        told = blake2b(digest_size=16)
        for one in self.all:
            told.update(b"%b\n" % one.body)
        object.__setattr__(self, "digest", told.hexdigest())
        object.__setattr__(self, "_keys", frozenset((one.type, one.id) for one in self.all))

    def has(self, type: str, id: str) -> bool:
        """Tell whether the resource with this type and id comes with the server."""
        return (type, id) in self._keys


def load(folders: Iterable[Path], types: Collection[str]) -> Publications:
    """Return what lies in `folders` under the names of resource `types`, in order.

    Raises ValueError if a file is not the resource that its path says.
    """
    return Publications(tuple(one for folder in folders for one in _in(folder, types)))


def _in(folder: Path, types: Collection[str]) -> Iterator[Publication]:
    for file in sorted(folder.glob("*/*.json")):
        if file.parent.name not in types:
            continue
        resource, body = json.parse(file.read_bytes(), _DEEPEST)
        if (resource.get("resourceType"), resource.get("id")) != (file.parent.name, file.stem):
            message = f"{file.parent.name}/{file.name} is not the resource that its path says."
            raise ValueError(message)
        yield Publication(file.parent.name, file.stem, body)
