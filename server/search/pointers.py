"""What a resource points at, and what points at it, read from index entries alone.

A literal reference leads to ``Type/id`` on this server, whatever version it names: what is found
is the current one. A canonical reference leads to every resource with that URL and, if it names
one, that version; without a version, to all versions there are.

Spec: https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from server.fhir.reference import parse
from server.search.conditions import Condition, any_of
from server.search.joins import Document
from server.search.parameter import Parameter
from server.search.plans import Plans
from server.search.values import compared, escaped, unescaped

_VERSION = "version=|"
_JUST_AFTER_BAR = "}"
Found = tuple[str, Document]
"""A resource: its type, and its stored document."""


class Pointer(NamedTuple):
    """Where a reference leads: to the `id` of a `type`, or to a `url` and perhaps a `version`."""

    type: str
    id: str | None
    url: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Which types the references under one index name lead to; `canonical`: also by URL."""

    types: frozenset[str]
    canonical: bool

    def __or__(self, other: "Reach") -> "Reach":
        """Return what both reach."""
        if self.types is other.types and self.canonical == other.canonical:
            return self
        return Reach(self.types | other.types, self.canonical or other.canonical)


Names = Mapping[str, Reach]
"""What is reached under each index name of one type."""


def leaves(parameter: Parameter) -> Iterator[Parameter]:
    """Yield the parameters whose index entries `parameter` is searched in."""
    if not parameter.sources:
        yield parameter
    for source in parameter.sources:
        yield from leaves(source)


class Pointers:
    """Reads and finds pointers as `plans` index them."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._base_url = plans.environment.base_url

    def of(self, type: str, names: Names, document: Document) -> Iterator[Pointer]:
        """Yield where the references of `document` under `names` lead.

        `document` is a `type` with its fields pt and t.
        """
        own = names.get(self._plans[type].main.get("pt", ""))
        if own is not None and "pt" in document:
            yield from self._literal(document["pt"], own)
        canonical: dict[str, list[str]] = {}
        for entry in document.get("t", ()):
            name, _, text = entry.partition("=")
            if (known := names.get(name)) is not None:
                yield from self._literal(text, known)
                if known.canonical:
                    canonical.setdefault(name, []).append(text)
        for name, texts in canonical.items():
            yield from self._by_url(texts, names[name])

    def fields(self, type: str, names: Names, target: str) -> tuple[str, ...]:
        """Return the fields of a `type` that tell where its references to a `target` lead."""
        if target == "Patient" and set(names) == {self._plans[type].main.get("pt")}:
            return ("pt",)
        return ("pt", "t")

    def to(self, type: str, document: Document) -> Iterator[Pointer]:
        """Yield every pointer that leads to `document`, a `type`; by URL only if it has t."""
        yield Pointer(type, document["_id"])
        if not self._has_url(type):
            return
        terms = document.get("t", ())
        start = f"{self._url_name(type)}="
        urls = [one[len(start) :] for one in terms if one.startswith(start)]
        versions = [None, *(one for one in terms if one.startswith(_VERSION))]
        yield from (Pointer(type, None, url, version) for url in urls for version in versions)

    def condition(self, type: str, pointers: Iterable[Pointer]) -> Condition:
        """Return the condition that a resource of `type` is one that `pointers` lead to."""
        known = set(pointers)
        ids = sorted(pointer.id for pointer in known if pointer.id is not None)
        parts: list[Condition] = [{"_id": {"$in": ids}}] if ids else []
        for url, version in sorted(
            (pointer.url or "", pointer.version or "") for pointer in known if pointer.id is None
        ):
            named = compared(f"{self._url_name(type)}={url}")
            parts.append({"t": {"$all": [named, version]} if version else named})
        return any_of(parts)

    def pointing(self, type: str, names: Names, targets: Sequence[Found]) -> Condition:
        """Return the condition that a `type` refers under `names` to one of `targets`.

        Where a name is canonical it also holds for references to other versions.
        """
        own = self._plans[type].main.get("pt")
        patients: list[str] = []
        terms: list[str] = []
        for name, reach in names.items():
            for target, document in targets:
                if target not in reach.types:
                    continue
                text = f"{target}/{document['_id']}"
                if name == own and target == "Patient":
                    patients.append(text)
                else:
                    terms.append(f"{name}={text}")
                if reach.canonical:
                    terms += self._canonical_terms(name, target, document)
        parts = [("pt", patients), ("t", terms)]
        return any_of({field: {"$in": sorted(set(texts))}} for field, texts in parts if texts)

    def leading(self, type: str, names: Names, targets: Sequence[Found]) -> Condition:
        """Return the condition that references under `names` of a `type` lead to one of `targets`.

        A canonical one leads there only if it names that version, or none.
        """
        literal = {name: Reach(reach.types, canonical=False) for name, reach in names.items()}
        parts = [self.pointing(type, literal, targets)]
        for name, reach in names.items():
            if reach.canonical:
                able = [found for found in targets if found[0] in reach.types]
                parts += self._by_version(name, able)
        return any_of(parts)

    def _by_version(self, name: str, targets: Sequence[Found]) -> Iterator[Condition]:
        open_ones: set[str] = set()
        for type, document in targets:
            yield {"t": compared(f"{name}={self._base_url}/{type}/{document['_id']}")}
            for pointer in self.to(type, document):
                if pointer.version is not None:
                    version = unescaped(pointer.version.removeprefix(_VERSION))
                    yield {"t": compared(f"{name}={pointer.url}|{version}")}
                elif pointer.url is not None:
                    open_ones.add(f"{name}={pointer.url}")
        for entry in sorted(open_ones):
            versions = {"$gte": f"{entry}|", "$lt": f"{entry}{_JUST_AFTER_BAR}"}
            yield {"t": {"$eq": compared(entry), "$not": {"$elemMatch": versions}}}

    def _canonical_terms(self, name: str, type: str, document: Document) -> Iterator[str]:
        yield compared(f"{name}={self._base_url}/{type}/{document['_id']}")
        for pointer in self.to(type, document):
            if pointer.url is not None and pointer.version is None:
                yield compared(f"{name}={pointer.url}")

    def _literal(self, text: str, reach: Reach) -> Iterator[Pointer]:
        target = parse(text, self._base_url)
        if target.local and target.type in reach.types:
            yield Pointer(target.type, target.id)

    def _by_url(self, texts: Sequence[str], reach: Reach) -> Iterator[Pointer]:
        """Yield where canonical references lead; a URL beside its version is only its index."""
        parts = [text.partition("|") for text in texts]
        versioned = {url for url, bar, _ in parts if bar}
        types = [type for type in sorted(reach.types) if self._has_url(type)]
        for url, bar, version in parts:
            if bar or url not in versioned:
                wanted = f"{_VERSION}{escaped(version)}" if bar else None
                yield from (Pointer(type, None, url, wanted) for type in types)

    def _has_url(self, type: str) -> bool:
        """Tell whether resources of `type` are known by a canonical URL, as versions of it."""
        facts = self._plans.definitions.search_parameters[type]
        return "version" in facts and "url" in facts and facts["url"].type == "uri"

    def _url_name(self, type: str) -> str:
        return next(leaves(self._plans[type].parameters["url"])).name
