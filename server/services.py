"""What is built once and shared by all requests: interpreters before a fork, the store after it."""

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Self
from zoneinfo import ZoneInfo

from server import content
from server.profiles import definitions
from server.profiles.definitions import Definitions
from server.profiles.structure import StructureValidator, structure_validator
from server.profiles.subset import Subsets
from server.search.index import SearchIndex
from server.search.indexes import IndexTable
from server.search.paging import Cursors
from server.search.query import QueryCompiler
from server.settings import Settings
from server.store.database import Store, connect

VERSION = version("tongkang")


@dataclass(frozen=True, slots=True)
class Interpreters:
    """What reads the facts: pure, so that processes forked from one share its memory."""

    settings: Settings
    zone: ZoneInfo
    definitions: Definitions
    types: frozenset[str]
    structure: StructureValidator
    subsets: Subsets
    index: SearchIndex
    indexes: IndexTable
    queries: QueryCompiler
    started: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the interpreters of the facts that come with the server."""
        zone = ZoneInfo(settings.zone)
        facts = definitions.load(content.PROFILES / "r4")
        index = SearchIndex(facts, zone, settings.base_url)
        return cls(
            settings=settings,
            zone=zone,
            definitions=facts,
            types=frozenset(facts.resource_types),
            structure=structure_validator(facts),
            subsets=Subsets(facts),
            index=index,
            indexes=IndexTable(facts, index.plans),
            queries=QueryCompiler(facts, zone, settings.base_url, plans=index.plans),
            started=datetime.now(zone).isoformat(timespec="seconds"),
        )


@dataclass(frozen=True, slots=True)
class Services:
    """The interpreters, and what a process has of its own: the store and the cursors."""

    interpreters: Interpreters
    store: Store
    cursors: Cursors
    statement: bytes

    @classmethod
    def open(cls, interpreters: Interpreters, statement: bytes) -> Self:
        """Return the services of this process, to be called after a fork, never before.

        The database need not be there yet; what needs it is refused until it is.
        """
        settings = interpreters.settings
        if settings.mongodb_url is None:
            message = "TONGKANG_MONGODB_URL is not set; `tongkang serve` starts a private MongoDB."
            raise ValueError(message)
        client = connect(settings.mongodb_url, settings.database_timeout)
        store = Store.open(
            client, settings.database, interpreters.indexes.indexes, interpreters.zone
        )
        return cls(interpreters, store, Cursors(store.secret), statement)
