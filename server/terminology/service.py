"""The terminology service of one process: code systems, value sets and concept maps by their URLs.

What is on the shelves is looked up each time, so that what is stored or loaded now is in force now;
what was made of it is kept for as long as nothing on the shelves has changed.

Spec: https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

from server.fhir.outcome import NotFound
from server.terminology import library
from server.terminology.compositions import Composer, Composition
from server.terminology.judge import Judge
from server.terminology.library import (
    NOT_PRESENT,
    Definition,
    Editions,
    Fixed,
    Library,
    Shelf,
)
from server.terminology.membership import Code, Membership, Verdict
from server.terminology.systems import About, System, table
from server.terminology.verdicts import Verdicts
from server.terminology.versions import AS_NAMED, Versions

Json = Mapping[str, Any]
Made = TypeVar("Made")
_MOST_KEPT = 2048
_SHOWN = 80
_IMPLICIT = "?fhir_vs"
_IS_A = "=isa/"


class Loaded(Protocol):
    """The code systems that are too large for memory."""

    @property
    def edition(self) -> object:
        """Something that is another thing as soon as one is loaded or removed."""

    def refresh(self) -> None:
        """Look anew at what there is, for something was not found."""

    def find(self, url: str, version: str | None) -> System | None:
        """Return an edition, the one that was loaded last if none is named; None if none is."""

    def all(self) -> Sequence[About]:
        """Return what each of them says of itself."""


@dataclass(frozen=True, slots=True)
class NothingLoaded:
    """No large code systems: where there is no database."""

    edition: object = None

    def refresh(self) -> None:
        """Do nothing: there is nothing new."""

    def find(self, url: str, version: str | None) -> System | None:
        """Return None."""
        del url, version
        return None

    def all(self) -> Sequence[About]:
        """Return nothing."""
        return ()


class Terminology:
    """All that is known of codes. Any thread may ask; it is a `Membership`.

    At first that is what comes with the server, and can be had before a fork.
    """

    def __init__(self, shipped: Shelf, r4: Shelf, editions: Editions) -> None:
        self.library = Library((shipped,), r4, editions)
        self.loaded: Loaded = NothingLoaded()
        self._kept: dict[object, object] = {}
        self._verdicts = Verdicts()

    def open(self, stored: Shelf, loaded: Loaded) -> None:
        """Go by what users have stored and loaded, too."""
        self.library = replace(self.library, shelves=(*self.library.shelves[:1], stored))
        self.loaded = loaded
        self._kept = {}

    def system(
        self, url: str, version: str | None = None, until: str | None = None
    ) -> System | None:
        """Return an edition of the code system `url`, None if it is not here.

        `until` is the date after which no edition may be, where there is an earlier one.
        """
        found = self._system(url, version, until)
        if found is None:
            self._look_anew()
            found = self._system(url, version, until)
        return found

    def _system(self, url: str, version: str | None, until: str | None) -> System | None:
        found = self.library.find("CodeSystem", url, version, until)
        if found is None or found.head.content == NOT_PRESENT:
            return self.loaded.find(url, version if found is None else found.head.version)
        return self.table(found)

    def known_system(self, url: str, version: str | None = None) -> System:
        """Return what `system` does. Raises NotFound if it is not here."""
        found = self.system(url, version)
        if found is None:
            told = url if version is None else f"{url}|{version}"
            raise NotFound.because("code-system-unknown", system=told[:_SHOWN])
        return found

    def table(self, definition: Definition) -> System:
        """Return the code system that `definition` has whole."""
        return self._remembered(definition.key, lambda: table(definition.read()))

    def value_set(self, canonical: str) -> Json:
        """Return the value set that `canonical` means: a resource, or all of a code system.

        Raises NotFound if there is none.
        """
        found = self._value_set(canonical)
        if found is None:
            self._look_anew()
            found = self._value_set(canonical)
        if found is None:
            raise NotFound.because("value-set-unknown", value=canonical[:_SHOWN])
        return found

    def _value_set(self, canonical: str) -> Json | None:
        url, _, version = canonical.partition("|")
        found = self.library.find("ValueSet", url, version or None)
        if found is not None:
            return found.read()
        system = self.library.implying(url, version or None)
        if system is not None:
            named = {} if system.head.version is None else {"version": system.head.version}
            return _all_of({"system": system.head.url, **named}, canonical)
        base, implicit, rest = url.partition(_IMPLICIT)
        if implicit and rest.startswith(_IS_A):
            is_a = {"property": "concept", "op": "is-a", "value": rest.removeprefix(_IS_A)}
            return _all_of({"system": base, "filter": [is_a]}, canonical)
        if implicit and not rest:
            return _all_of({"system": base}, canonical)
        return None

    def concept_map(self, url: str, version: str | None) -> Json:
        """Return the concept map `url`. Raises NotFound if there is none."""
        found = self.library.find("ConceptMap", url, version)
        if found is None:
            self._look_anew()
            found = self.library.find("ConceptMap", url, version)
        if found is None:
            raise NotFound.because("concept-map-unknown", value=url[:_SHOWN])
        return found.read()

    def composition(self, canonical: str, versions: Versions = AS_NAMED) -> Composition:
        """Return what the value set `canonical` is composed of, for others that know it too.

        Raises NotFound, Unprocessable, TooCostly.
        """
        if not self.are_known(versions):
            # Versions that anybody makes up are not remembered.
            return self._composer(versions).named(canonical)
        key = ("composition", canonical, versions, self._edition)
        return self._remembered(key, lambda: self._composer(versions).named(canonical))

    def composed(self, resource: Json, versions: Versions = AS_NAMED) -> Composition:
        """Return what the ValueSet `resource` is composed of. Raises as `composition`."""
        return self._composer(versions).compose(resource)

    def maps(self) -> list[Json]:
        """Return all concept maps that are in force."""
        return [
            self._remembered(("map", one.key), one.read) for one in self.library.all("ConceptMap")
        ]

    def at_once(self) -> Membership:
        """Return what answers many questions at once, by what is known now."""
        edition, verdicts = self._edition, self._verdicts
        if verdicts.edition != edition:
            verdicts = self._verdicts = Verdicts(edition)
        return Judge(self, verdicts)

    def member(self, value_set: str, code: Code, on: date | None = None) -> Verdict:
        """Return whether `code` is in `value_set`; see `Membership`."""
        return self.at_once().member(value_set, code, on)

    def are_known(self, versions: Versions) -> bool:
        """Tell whether the editions are here that `versions` names."""
        return all(self.system(*one) is not None for one in (*versions.system, *versions.force))

    @property
    def _edition(self) -> object:
        """Something that is another thing as soon as anything is stored, loaded or removed."""
        return self.library.edition, self.loaded.edition

    def _look_anew(self) -> None:
        """Look whether another process has stored or loaded what was not found."""
        for shelf in self.library.shelves:
            shelf.refresh()
        self.loaded.refresh()

    def _composer(self, versions: Versions) -> Composer:
        return Composer(_Chosen(self, versions))

    def _remembered(self, key: object, make: Callable[[], Made]) -> Made:
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = make()
        return found  # type: ignore[return-value]  # made by `make` under this key


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a composition may name, in the versions that count."""

    terminology: Terminology
    versions: Versions

    def version(self, url: str, named: str | None) -> str | None:
        """Return which version of `url` is meant where `named` is. Raises Unprocessable."""
        return self.versions.of(url, named)

    def system(self, url: str, version: str | None, until: str | None) -> System | None:
        """Return an edition of a code system, None if it is not here."""
        return self.terminology.system(url, version, until)

    def value_set(self, canonical: str) -> Json:
        """Return the value set that is called so. Raises NotFound."""
        return self.terminology.value_set(canonical)


def _all_of(include: Json, canonical: str) -> Json:
    return {"resourceType": "ValueSet", "url": canonical, "compose": {"include": [include]}}


def load(shipped: Iterable[bytes], r4: Path, editions: Path) -> Terminology:
    """Return the terminology of the resources `shipped`, of HL7's in `r4`, by `editions`."""
    return Terminology(Fixed.of(shipped), library.r4(r4), Editions.load(editions))
