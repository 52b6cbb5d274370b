"""Storing the definitions that come with the server, once for each edition of them.

Every process sees to it when it starts, so that nobody has to; a mark in the database tells that it
is done. Of several that do it at once, each finds stored what another has stored: a definition
gets one new version where its content differs, and none where it does not. Of two releases on one
database, the one that started last has its way. What a release no longer brings stays as it is.

Spec: https://hl7.org/fhir/R4/versions.html
"""

import logging
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from threading import Event, Thread

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Conflict, FhirError
from server.identity import internal, loading
from server.interactions import parameters
from server.interactions.update import unchanged
from server.interactions.writing import draft
from server.profiles.publications import Publication
from server.services import Services
from server.store.documents import Draft
from server.store.shelf import Layout

SHELF = Layout("_publications")
_MARK = "published"
_ATTEMPTS = 8
_LONGEST_PAUSE_SECONDS = 60.0
_log = logging.getLogger("tongkang.publishing")


def begin(services: Services, done: Event) -> Thread:
    """Have a thread store what is not stored, again and again until it is `done`."""
    thread = Thread(target=_until_done, args=(services, done), daemon=True, name="publishing")
    thread.start()
    return thread


def publish(services: Services) -> int:
    """Store what is not stored as it comes with the server; return how many resources that were.

    One question to the database tells if all is as it should be. Raises Unavailable.
    """
    publications = services.interpreters.publications
    shelf = services.store.shelf(SHELF)
    mark = shelf.find(_MARK)
    if mark is not None and mark["digest"] == publications.digest:
        return 0
    access = internal.publisher(services)
    context = Context.of(services, access, services.interpreters.settings.language)
    stored = 0
    with services.registry.writing():
        for _, of_type in groupby(publications.all, attrgetter("type")):
            stored += _stored(context, of_type)
    parameters.stored(context, {one.type for one in publications.all})
    shelf.put(_MARK, {"digest": publications.digest})
    return stored


def _stored(context: Context, publications: Iterable[Publication]) -> int:
    """Store `publications`, all of one type: what is new together, the rest one by one."""
    drafts = [_draft(context, one) for one in publications]
    count = context.resources.create_many(drafts)
    return count if count == len(drafts) else count + sum(_replaced(context, one) for one in drafts)


def _draft(context: Context, one: Publication) -> Draft:
    resource, body = json.parse(one.body, context.interpreters.settings.max_depth)
    return draft(context, one.type, one.id, resource, body)


def _replaced(context: Context, new: Draft) -> bool:
    """Store `new` over what is there, unless that is the same; tell whether it was stored."""
    for _ in range(_ATTEMPTS):
        old = context.resources.find(new.type, new.id, "u")
        if old is not None and unchanged(context, old, new):
            return False
        if old is not None and context.resources.replace(new, old) is not None:
            return True
    raise Conflict.because("resource-contended", type=new.type, id=new.id)


def _until_done(services: Services, done: Event) -> None:
    pause = 1.0
    while not done.is_set():
        try:
            count = publish(services)
        except FhirError as error:
            _log.warning("the definitions that come with the server are not stored yet: %s", error)
        else:
            if count:
                _log.info("%d definitions that come with the server were stored", count)
            done.set()
        done.wait(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    if services.interpreters.settings.large_tables:
        _load(services)


def _load(services: Services) -> None:
    try:
        loading.load_shipped(services)
    except FhirError as error:
        _log.warning("the large tables that come with the server are not loaded yet: %s", error)
