"""The CodeSystems, ValueSets and ConceptMaps that there are, found by their canonical URL.

They come from three shelves: what comes with the server, what users have stored, and HL7's own R4
definitions, which are only taken where neither of the others has anything under the URL. Of several
versions the caller names one, or the preferred one is taken.

Spec: https://hl7.org/fhir/R4/references.html#canonical
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec

from server.fhir.json import spelled

Json = Mapping[str, Any]
TYPES = ("CodeSystem", "ValueSet", "ConceptMap")
NOT_PRESENT, COMPLETE = "not-present", "complete"
_CONTENT = ("example", "fragment", "supplement", NOT_PRESENT, COMPLETE)
_edition = attrgetter("edition")
_is_number = re.compile(r"[0-9]{1,18}").fullmatch


class Head(msgspec.Struct, frozen=True):
    """What decides which resource a canonical URL means."""

    resourceType: str  # noqa: N815  # FHIR's name
    url: str = ""
    id: str = ""
    version: str | None = None
    status: str = ""
    date: str = ""
    content: str = ""
    valueSet: str = ""  # noqa: N815  # FHIR's name
    title: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition; `read` returns the whole resource, numbers as their digits.

    `key` is another one when its content is.
    """

    head: Head
    key: str
    read: Callable[[], Json]


class Shelf(Protocol):
    """Where definitions are kept."""

    @property
    def edition(self) -> object:
        """Something that is another thing as soon as anything on the shelf is."""

    def refresh(self) -> None:
        """Look anew at what there is, for something was not found."""

    def find(self, type: str, url: str) -> Sequence[Definition]:
        """Return all definitions of `type` with this URL."""

    def implying(self, value_set: str) -> Sequence[Definition]:
        """Return the CodeSystems that say that this value set has all their concepts."""

    def all(self, type: str) -> Iterable[Definition]:
        """Return all definitions of `type`."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Definitions that never change while the server runs; read when they are first needed."""

    by_url: Mapping[tuple[str, str], Sequence[Definition]]
    edition: object = None
    _implying: Mapping[str, Sequence[Definition]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note which value sets are those of a whole code system."""
        found: dict[str, list[Definition]] = defaultdict(list)
        for one in self.all("CodeSystem"):
            found[one.head.valueSet].append(one)
        object.__setattr__(self, "_implying", found)

    @classmethod
    def of(cls, bodies: Iterable[bytes]) -> Self:
        """Return the shelf of the resources `bodies`."""
        found: dict[tuple[str, str], list[Definition]] = defaultdict(list)
        for body in bodies:
            head = _HEAD.decode(body)
            key = f"{head.resourceType} {head.id} {head.url}|{head.version}"
            found[head.resourceType, head.url].append(Definition(head, key, partial(spelled, body)))
        return cls(found)

    def refresh(self) -> None:
        """Do nothing: there is nothing new."""

    def find(self, type: str, url: str) -> Sequence[Definition]:
        """Return all definitions of `type` with this URL."""
        return self.by_url.get((type, url), ())

    def implying(self, value_set: str) -> Sequence[Definition]:
        """Return the CodeSystems that say that this value set has all their concepts."""
        return self._implying.get(value_set, ())

    def all(self, type: str) -> Iterable[Definition]:
        """Return all definitions of `type`."""
        return (one for (kind, _), found in self.by_url.items() if kind == type for one in found)


_HEAD = msgspec.json.Decoder(Head)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


def r4(folder: Path) -> Fixed:
    """Return HL7's own definitions, as they were distilled into `folder`."""
    files = (folder / f"{name}.json" for name in ("code-systems", "compositions", "concept-maps"))
    return Fixed.of(bytes(raw) for file in files for raw in _RAWS.decode(file.read_bytes()))


@dataclass(frozen=True, slots=True)
class Editions:
    """Which edition is meant where none is named: a system's own first one of `preferred`."""

    prefix: str = ""
    preferred: tuple[str, ...] = ()

    @classmethod
    def load(cls, file: Path) -> Self:
        """Return what `file` says."""
        said = tomllib.loads(file.read_text("utf-8"))
        return cls(said["prefix"], tuple(said["preferred"]))

    def rank(self, head: Head) -> tuple[object, ...]:
        """Return what orders definitions of one URL: the one that is meant is the greatest."""
        is_preferred = head.url.startswith(self.prefix) and head.version in self.preferred
        content = _CONTENT.index(head.content) if head.content in _CONTENT else 0
        return head.status == "active", is_preferred, content, _number(head.version), head.date


def _number(version: str | None) -> list[tuple[bool, int, str]]:
    parts = re.split(r"[.+_-]", version or "")
    return [(True, int(one), "") if _is_number(one) else (False, 0, one) for one in parts]


@dataclass(frozen=True, slots=True)
class Library:
    """All shelves: of the first one that has something under a URL, with its neighbours' before."""

    shelves: Sequence[Shelf]
    fallback: Shelf
    editions: Editions

    @property
    def edition(self) -> tuple[object, ...]:
        """Return something that is another thing as soon as any definition is."""
        return tuple(map(_edition, self.shelves))

    def find(
        self, type: str, url: str, version: str | None = None, until: str | None = None
    ) -> Definition | None:
        """Return the definition of `type` that `url` means, None if there is none.

        With `until`, a date, later definitions do not count unless all are.
        """
        known = self.versions(type, url)
        early = [one for one in known if until is not None and one.head.date[:10] <= until]
        return self._chosen(early or known, version)

    def implying(self, value_set: str, version: str | None = None) -> Definition | None:
        """Return the CodeSystem whose value set of all concepts is called `value_set`."""
        found = [one for shelf in self.shelves for one in shelf.implying(value_set)]
        return self._chosen(found or self.fallback.implying(value_set), version)

    def versions(self, type: str, url: str) -> Sequence[Definition]:
        """Return all definitions of `type` with this URL."""
        found = [one for shelf in self.shelves for one in shelf.find(type, url)]
        return found or self.fallback.find(type, url)

    def all(self, type: str) -> list[Definition]:
        """Return all definitions of `type` that are in force, by their URL."""
        found = [one for shelf in self.shelves for one in shelf.all(type)]
        taken = {one.head.url for one in found}
        found += [one for one in self.fallback.all(type) if one.head.url not in taken]
        return sorted(found, key=lambda one: one.head.url)

    def _chosen(self, found: Sequence[Definition], version: str | None) -> Definition | None:
        fitting = [one for one in found if version is None or one.head.version == version]
        return max(fitting, key=lambda one: self.editions.rank(one.head), default=None)
