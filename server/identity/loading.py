"""A code system with many concepts comes in or goes: they, and the resource that tells of it.

The resource is a CodeSystem without concepts (``content`` not-present), by which it is found over
REST; the concepts are asked for by the terminology operations.

Spec: https://hl7.org/fhir/R4/codesystem.html#content
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from server.content import TERMINOLOGY
from server.context import Context
from server.fhir import json
from server.fhir.outcome import Conflict
from server.interactions import parameters
from server.interactions.call import Call
from server.interactions.delete import delete
from server.interactions.update import update
from server.services import Services
from server.store.shelf import Layout, Taken
from server.terminology import files, loading
from server.terminology.concepts import Concept
from server.terminology.library import NOT_PRESENT

SHELF = Layout("_tables")
Concepts = Sequence[tuple[Mapping[str, Any], Concept]]
_TYPE = "CodeSystem"
_CLAIMED = timedelta(minutes=10)
_log = logging.getLogger("tongkang.terminology")


def load(
    context: Context, about: Mapping[str, Any], concepts: Concepts, told: Callable[[int], None]
) -> str:
    """Put `concepts` in the place of this edition; return the id of the resource that tells of it.

    `about` is a CodeSystem with a url and a version; `told` hears how many more are stored.
    Raises Conflict if that edition comes with the server, Unprocessable if it is no CodeSystem.
    """
    url, version = about["url"], about["version"]
    known = context.interpreters.terminology.library.versions(_TYPE, url)
    same = [one for one in known if one.head.version == version]
    if any(context.interpreters.publications.has(_TYPE, one.head.id) for one in same):
        raise Conflict.because("load-shipped", system=f"{url}|{version}")
    id = next((one.head.id for one in same if one.head.id), _id(url, version))
    whole = {
        "status": "active",
        "caseSensitive": True,
        **{name: value for name, value in about.items() if name != "concept"},
        "resourceType": _TYPE,
        "id": id,
        "content": NOT_PRESENT,
        "count": len(concepts),
        "valueSet": about.get("valueSet") or f"{url}?fhir_vs",
    }
    call = Call(interaction="update", method="PUT", type=_TYPE, id=id, body=orjson.dumps(whole))
    with context.services.registry.writing():
        update(context, call)
    context.services.loaded.load(whole, concepts, told)
    parameters.stored(context, (_TYPE,))
    return id


def remove(context: Context, url: str, version: str | None) -> bool:
    """Remove an edition with the resource that tells of it; tell whether it was loaded."""
    services = context.services
    for one in context.interpreters.terminology.library.versions(_TYPE, url):
        head = one.head
        if head.version == version and head.content == NOT_PRESENT and head.id:
            call = Call(interaction="delete", method="DELETE", type=_TYPE, id=head.id)
            with services.registry.writing():
                delete(context, call)
    return services.loaded.remove(url, version)


def load_shipped(services: Services) -> None:
    """Load the large tables that come with the server, unless they are there already."""
    for file in sorted((TERMINOLOGY / "large").glob("*.csv.gz")):
        _load_shipped(services, file)


def _load_shipped(services: Services, file: Path) -> None:
    shelf, id = services.store.shelf(SHELF), file.name.partition(".csv")[0]
    digest = blake2b(file.read_bytes(), digest_size=16).hexdigest()
    mark = shelf.find(id)
    if mark is not None and mark["digest"] == digest:
        return
    body = next((one.body for one in services.interpreters.publications.all if one.id == id), b"")
    if not body:
        return
    try:
        # Of several processes that start together, one does it.
        shelf.add(f"{id} {digest}", {"expires_at": datetime.now(UTC) + _CLAIMED})
    except Taken:
        return
    rows = files.rows(file, "csv", files.Columns())
    concepts = loading.concepts(rows, are_parents_here=False)
    count = services.loaded.load(json.spelled(body), concepts, lambda _: None)
    shelf.put(id, {"digest": digest})
    shelf.remove({"_id": f"{id} {digest}"})
    _log.info("%s is loaded: %d concepts", id, count)


def _id(url: str, version: str) -> str:
    """Return an id made of the readable ends of `url` and `version`, and of a hash of both."""
    told = re.sub(r"[^A-Za-z0-9]+", "-", f"{url.rstrip('/').rpartition('/')[2]}-{version}")
    digest = blake2b(f"{url}|{version}".encode(), digest_size=4).hexdigest()
    return f"{told.strip('-')[-50:]}-{digest}".strip("-")
