"""Where a page asks for data: through the one door, with the access of who is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import orjson

from server.access.policy import Access
from server.context import Context
from server.door import perform
from server.fhir import json
from server.fhir.json import Resource
from server.fhir.messages import Language
from server.interactions.call import Call, Disclosed, Result
from server.services import Services

Query = Sequence[tuple[str, str]]
_CURSOR = "_cursor"


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search: what matches, what came with it by reference, and the next cursor."""

    matches: tuple[Resource, ...]
    included: dict[str, Resource] = field(default_factory=dict)
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """One caller at the door: `done` and `shown` are what they did and were told of so far."""

    services: Services
    access: Access
    language: Language
    done: dict[str, None] = field(default_factory=dict)
    shown: dict[Disclosed, None] = field(default_factory=dict)

    def search(self, type: str, query: Query, cursor: str | None = None) -> Found:
        """Return a page of the resources of `type` that match `query`."""
        asked = (*query, *(((_CURSOR, cursor),) if cursor else ()))
        return _found(self._perform(Call(interaction="search-type", type=type, query=asked)).body)

    def compartment(
        self, patient: str, type: str, query: Query, cursor: str | None = None
    ) -> "Raw":
        """Return a page of what of `type` is in the record of `patient`, as bytes."""
        owner, _, id = patient.partition("/")
        return _raw(
            self._perform(
                Call(
                    interaction="search-compartment",
                    type=type,
                    owner=owner,
                    id=id,
                    query=(*query, *(((_CURSOR, cursor),) if cursor else ())),
                )
            ).body
        )

    def read(self, type: str, id: str) -> Resource:
        """Return the current version of a resource. Raises NotFound if it is not to be seen."""
        return _resource(self._perform(Call(interaction="read", type=type, id=id)))

    def create(self, resource: Resource) -> Resource:
        """Store a new resource and return it as stored."""
        type, body = resource["resourceType"], json.dumps(resource)
        return _resource(self._perform(Call(interaction="create", type=type, body=body)))

    def _perform(self, call: Call) -> Result:
        self.done[call.interaction] = None
        result = perform(Context.of(self.services, self.access, self.language), call)
        self.shown.update(dict.fromkeys(result.disclosed))
        return result


@dataclass(frozen=True, slots=True)
class Raw:
    """One page of a search as bytes, digit for digit: (type and id, resource)."""

    matches: tuple[tuple[str, bytes], ...]
    cursor: str | None = None


def _resource(result: Result) -> Resource:
    found: Resource = orjson.loads(result.body)
    return found


def _found(body: bytes) -> Found:
    bundle: dict[str, Any] = orjson.loads(body)
    matches: list[Resource] = []
    included: dict[str, Resource] = {}
    for entry in bundle.get("entry", ()):
        resource, mode = entry["resource"], entry["search"]["mode"]
        if mode == "match":
            matches.append(resource)
        elif mode == "include":
            included[f"{resource['resourceType']}/{resource['id']}"] = resource
    return Found(tuple(matches), included, _next(bundle))


class _Entry(msgspec.Struct):
    """An entry of a searchset whose resource stays as it is written, digit for digit."""

    resource: msgspec.Raw
    search: dict[str, str]
    full_url: str = msgspec.field(name="fullUrl", default="")


class _Bundle(msgspec.Struct):
    entry: list[_Entry] = []
    link: list[dict[str, str]] = []


_BUNDLES = msgspec.json.Decoder(_Bundle)


def _raw(body: bytes) -> Raw:
    bundle = _BUNDLES.decode(body)
    matches = tuple(
        ("/".join(entry.full_url.split("/")[-2:]), bytes(entry.resource))
        for entry in bundle.entry
        if entry.search["mode"] == "match"
    )
    return Raw(matches, _next({"link": bundle.link}))


def _next(bundle: dict[str, Any]) -> str | None:
    for link in bundle.get("link", ()):
        if link["relation"] == "next":
            return dict(parse_qsl(urlsplit(link["url"]).query)).get(_CURSOR)
    return None
