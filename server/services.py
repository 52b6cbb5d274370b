"""What is built once and shared by all requests: interpreters before a fork, the store after it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import orjson

from server import content
from server.access import platform, roles
from server.access.policy import Access, Rights
from server.access.roles import Roles
from server.audit import audit_event, kept
from server.audit.audit_event import AuditEvents, parts
from server.audit.event import Event, bound, opened, unfolded
from server.audit.request import Requests
from server.mappings import measured, projection
from server.mappings import shipped as datasets
from server.mappings.cda.documents import Documents
from server.mappings.datasets import DataSets
from server.mappings.measured import Measured
from server.mappings.projection import Projection
from server.profiles import guides, narration, operations, summary
from server.profiles.definitions import Definitions, SearchParameter
from server.profiles.guide import Checking
from server.profiles.links import Links
from server.profiles.masking import Masking
from server.profiles.narration import Labels
from server.profiles.operations import Operations
from server.profiles.places import Elements
from server.profiles.publications import Publications
from server.profiles.shipped import shipped
from server.profiles.structure import StructureValidator
from server.profiles.subset import Subsets
from server.profiles.summary import Section
from server.profiles.validation import Validator
from server.profiles.xml import Xml
from server.records import validation_levels
from server.records.validation_levels import Levels
from server.search import own, visible
from server.search.index import SearchIndex
from server.search.indexes import IndexTable, indexes
from server.search.paging import Cursors
from server.search.query import QueryCompiler
from server.settings import Settings
from server.store.database import Store, connect
from server.store.definitions import StoredDefinitions
from server.store.documents import Document
from server.store.inspection import Inspection
from server.store.items import Records
from server.store.jobs import Jobs
from server.store.loads import LoadedSystems
from server.store.marks import Marks
from server.store.parts import Parts
from server.store.queue import Queue
from server.store.registry import Registry, Rules
from server.store.reindexing import Reindexing
from server.store.safe import Safe
from server.store.spool import Spool
from server.store.stored_profiles import StoredProfiles
from server.store.tallies import Tallies
from server.store.trail import Trail
from server.store.verification import Verification
from server.terminology import library
from server.terminology import service as terminology
from server.terminology.service import Terminology

VERSION = version("tongkang")


@dataclass(frozen=True, slots=True)
class Interpreters:
    """What reads the facts: pure, so that processes forked from one share its memory."""

    settings: Settings
    zone: ZoneInfo
    definitions: Definitions
    types: frozenset[str]
    structure: StructureValidator
    validator: Validator
    levels: Levels
    supported: Mapping[str, tuple[str, ...]]
    subsets: Subsets
    elements: Elements
    masking: Masking
    links: Links
    xml: Xml
    index: SearchIndex
    indexes: IndexTable
    queries: QueryCompiler
    shipped: tuple[SearchParameter, ...]
    operations: Operations
    publications: Publications
    terminology: Terminology
    datasets: DataSets
    documents: Documents
    measured: tuple[Measured, ...]
    projections: Mapping[str, Projection]
    sections: tuple[Section, ...]
    labels: Labels
    requests: Requests
    roles: Roles
    started: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the interpreters of the facts that come with the server."""
        with content.loading():
            return cls._of(settings)

    @classmethod
    def _of(cls, settings: Settings) -> Self:
        zone = ZoneInfo(settings.zone)
        known = shipped(content.PROFILES, content.TERMINOLOGY, zone)
        facts, masking = known.definitions, known.masking
        codes = _terminology(known.publications)
        national = datasets.shipped(content.MAPPINGS, content.PROFILES, content.TERMINOLOGY, zone)
        checking = Checking.of(facts, masking.shapes, zone, codes)
        index = _applying(SearchIndex(facts, zone, settings.base_url, codes), known.parameters)
        return cls(
            settings=settings,
            zone=zone,
            definitions=facts,
            types=frozenset(facts.resource_types),
            structure=known.structure,
            validator=Validator.of(facts, known.structure, known.guide, checking),
            supported=guides.supported(known.publications),
            levels=validation_levels.read(settings.validation),
            subsets=Subsets(facts),
            elements=Elements.of(masking.shapes),
            masking=masking,
            links=Links(masking.shapes),
            xml=Xml.of(facts, masking.shapes, settings.max_depth),
            index=index,
            indexes=IndexTable(facts, index.plans),
            queries=QueryCompiler(facts, zone, settings.base_url, plans=index.plans),
            shipped=known.parameters,
            operations=operations.load(content.PROFILES / "OperationDefinition"),
            publications=known.publications,
            terminology=codes,
            datasets=national,
            documents=Documents.load(content.MAPPINGS, national),
            measured=measured.load(content.PROFILES),
            projections=_projections(codes, facts.models),
            sections=summary.load(content.PROFILES),
            labels=narration.load(content.PROFILES),
            requests=Requests(facts),
            roles=roles.load(content.PROFILES),
            started=datetime.now(zone).isoformat(timespec="seconds"),
        )


def _applying(index: SearchIndex, shipped: Sequence[SearchParameter]) -> SearchIndex:
    """Return `index`, which goes by the own search parameters that come with the server now."""
    known = own.view(index.plans, shipped, ())
    index.plans.replace(known.own, own.waiting(known))
    return index


def _terminology(published: Publications) -> Terminology:
    """Return what codes mean by what comes with the server."""
    return terminology.load(
        (one.body for one in published.all if one.type in library.TYPES),
        content.TERMINOLOGY / "r4",
        content.TERMINOLOGY / "editions.toml",
    )


def _projections(codes: Terminology, types: Iterable[str]) -> Mapping[str, Projection]:
    """Return what records of each of these `types` come to."""
    return {type: projection.load(content.MAPPINGS, type, codes) for type in types}


@dataclass(frozen=True, slots=True)
class Services:
    """The interpreters, and what a process has of its own: the store and what it knows of it.

    `statement` gives the CapabilityStatement as it is now.
    """

    interpreters: Interpreters
    store: Store
    cursors: Cursors
    statement: Callable[[], bytes]
    registry: Registry = field(init=False)
    trail: Trail[Event] = field(init=False)
    safe: Safe = field(init=False)
    queue: Queue = field(init=False)
    marks: Marks = field(init=False)
    parts: Parts = field(init=False)
    definitions: StoredDefinitions = field(init=False)
    loaded: LoadedSystems = field(init=False)
    tallies: Tallies = field(init=False)
    profiles: StoredProfiles = field(init=False)
    platform: Access = field(init=False)

    def __post_init__(self) -> None:
        """Make what is not given; nothing of it asks the database yet."""
        object.__setattr__(self, "registry", _registry(self.interpreters, self.store))
        trail = _trail(self.interpreters, self.store, self.registry)
        object.__setattr__(self, "trail", trail)
        safe = Safe(self.interpreters.settings)
        object.__setattr__(self, "safe", safe)
        object.__setattr__(self, "queue", self.store.queue())
        object.__setattr__(self, "marks", self.store.marks())
        object.__setattr__(self, "parts", self.store.parts(safe))
        shipped = self.interpreters.publications
        object.__setattr__(self, "definitions", self.store.definitions(shipped.has))
        object.__setattr__(self, "loaded", self.store.loaded())
        object.__setattr__(self, "tallies", self.store.tallies())
        self.interpreters.terminology.open(self.definitions, self.loaded)
        guide = self.interpreters.validator.guide
        object.__setattr__(self, "profiles", StoredProfiles(self.store.engine, guide))
        object.__setattr__(self, "platform", self.access(platform.RIGHTS))

    @classmethod
    def open(cls, interpreters: Interpreters, statement: Callable[[], bytes]) -> Self:
        """Return the services of this process, to be called after a fork, never before.

        The database need not be there yet; what needs it is refused until it is.
        """
        settings = interpreters.settings
        if settings.mongodb_url is None:
            message = "TONGKANG_MONGODB_URL is not set; `tongkang serve` starts a private MongoDB."
            raise ValueError(message)
        client = connect(settings.mongodb_url, settings.database_timeout)
        indexes, about = interpreters.indexes.indexes, interpreters.indexes.about
        store = Store.open(client, settings.database, indexes, interpreters.zone, about)
        return cls(interpreters, store, Cursors(store.secret), statement)

    def access(self, rights: Rights) -> Access:
        """Return what `rights` come to: the one way from rights to data."""
        known = self.interpreters
        return visible.access(known.queries, known.roles, rights, known.types)

    def close(self) -> None:
        """Close what this process has open."""
        try:
            self.trail.close()
            self.registry.close()
        finally:
            self.store.close()


def _trail(interpreters: Interpreters, store: Store, registry: Registry) -> Trail[Event]:
    """Return the trail of this process, which begins with the first event."""
    index = interpreters.index
    events = AuditEvents(
        index.entries, interpreters.zone, lambda: index.plans.has_own("AuditEvent")
    )
    told = parts, opened, bound, unfolded, Event.is_change
    records = Records(events.write, *told, kept.encode, kept.decode, events.keys)
    settings = interpreters.settings
    is_kept = settings.spool_folder != Path()
    spool = Spool(settings.spool_folder / settings.database) if is_kept else None
    return Trail(store.engine, records, store.now, registry.writing, spool)


def inspection(services: Services) -> Inspection:
    """Return what proves that the trail of `services` is whole."""
    engine, index = services.store.engine, services.interpreters.index
    verification = Verification(engine, index.entries, services.registry.is_reindexing)

    def faults(document: Document) -> Iterator[str]:
        found = list(verification.record_faults("AuditEvent", document))
        yield from found
        stored = {name: document[name] for name in ("own", "div") if name in document}
        added = {"del", "post", "shut"} & document.keys()
        if not found and (added or stored != audit_event.marks(orjson.loads(document["raw"]))):
            yield "trail-record-changed"

    return Inspection(engine, faults, audit_event.facts, services.trail.sheaves.is_sound)


# While a server reindexes, it leaves two thirds of the time to its requests.
_REST = 2.0


def _registry(interpreters: Interpreters, store: Store) -> Registry:
    """Return the registry by which `interpreters` hear of the own search parameters in `store`."""
    plans = interpreters.index.plans
    rules = Rules(partial(own.view, plans, interpreters.shipped), plans.replace)
    reindexing = Reindexing(
        store.engine,
        Jobs(store.engine.collections.database),
        interpreters.index.entries,
        lambda name: indexes(plans.complete(name)),
        _REST,
    )
    return Registry(store.engine, rules, reindexing)
