"""The database that a command works on: the configured one, or the private one, running or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from server.services import Interpreters, Services
from server.settings import Settings
from server.store.database import check_url
from server.store.embedded import EmbeddedMongo, running_url

_PATIENCE_SECONDS = 60.0


@contextmanager
def located(settings: Settings) -> Iterator[Settings]:
    """Give `settings` with the URL of their database, and time for long work.

    A private database that `tongkang serve` runs is shared with it; one that
    does not run is started for the block. Raises CannotStart.
    """
    patient = replace(settings, database_timeout=_PATIENCE_SECONDS)
    folder = settings.data_folder / "mongodb"
    url = settings.mongodb_url or running_url(folder)
    if url is not None:
        check_url(url)
        yield replace(patient, mongodb_url=url)
        return
    with EmbeddedMongo(folder) as url:
        yield replace(patient, mongodb_url=url)


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    """Give the services on the database of `settings`, as `located` finds it."""
    with located(settings) as known, serving(Interpreters.of(known)) as services:
        yield services


@contextmanager
def serving(interpreters: Interpreters) -> Iterator[Services]:
    """Give the services on the database that the settings of `interpreters` name."""
    services = Services.open(interpreters, statement=bytes)
    try:
        services.registry.refresh()
        services.registry.start(working=False)
        yield services
    finally:
        services.close()
