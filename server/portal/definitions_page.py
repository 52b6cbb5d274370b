"""The pages of the profiles, value sets and code systems that come with the server, for everybody.

They show what is shipped and nothing else: it is read from the files, never from the database.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Response

from server import content
from server.fhir.json import Resource
from server.fhir.messages import TAGS, Language
from server.fhir.outcome import NotFound
from server.portal.pages import language, page
from server.portal.session import signed_in
from server.profiles.outline import described, outline, titled
from server.services import Services

_EXAMPLES = content.PROFILES / "examples"
_MOST_CODES = 500
_TYPES = ("StructureDefinition", "ValueSet", "CodeSystem")
_TITLES = {
    "resource": "profiles-kind-resource",
    "complex-type": "profiles-kind-complex-type",
    "logical": "profiles-kind-logical",
    "ValueSet": "profiles-valueset",
    "CodeSystem": "profiles-codesystem",
}


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/profiles``."""
    blueprint = Blueprint("definitions", __name__)
    shelf = cache(lambda: Shelf(services()))

    @blueprint.get("/profiles")
    def index() -> Response:
        return page("definitions.html", signed_in(), **shelf().index())

    @blueprint.get("/profiles/StructureDefinition/<id>")
    def profile(id: str) -> Response:
        return page("profile.html", signed_in(), **shelf().profile(id))

    @blueprint.get("/profiles/<any(ValueSet, CodeSystem):type>/<id>")
    def codes(type: str, id: str) -> Response:
        return page("codes.html", signed_in(), **shelf().codes(type, id))

    return blueprint


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the index; `titles` and `texts` are by language."""

    href: str
    id: str
    url: str
    version: str | None
    kind: str
    titles: Mapping[Language, str]
    texts: Mapping[Language, str]


class Shelf:
    """What the pages show, from the definitions that come with the server."""

    def __init__(self, services: Services) -> None:
        self._definitions = services.interpreters.definitions
        self._base = services.interpreters.settings.base_url
        shipped = [one for one in services.interpreters.publications.all if one.type in _TYPES]
        self._bodies = {(one.type, one.id): one.body for one in shipped}
        # Read once: a page that everybody may ask for does little each time.
        self._entries = tuple(_entry(orjson.loads(one.body)) for one in shipped)
        self._hrefs = {one.url: one.href for one in self._entries if one.kind != "CodeSystem"}

    def index(self) -> dict[str, Any]:
        """Return the entries of each kind, under the keys of what the kinds are called."""
        return {
            "kinds": [
                (key, [one for one in self._entries if one.kind == kind])
                for kind, key in _TITLES.items()
            ]
        }

    def profile(self, id: str) -> dict[str, Any]:
        """Return what the page of a profile tells. Raises NotFound."""
        resource = self._read("StructureDefinition", id)
        found = outline(resource, self._definitions, language())
        example = _EXAMPLES / f"{id}.json"
        return {
            **self._head(resource),
            "outline": found,
            "link": self._link,
            "example": example.read_text("utf-8") if example.is_file() else None,
        }

    def codes(self, type: str, id: str) -> dict[str, Any]:
        """Return what the page of a value set or a code system tells. Raises NotFound."""
        resource = self._read(type, id)
        found = [*_concepts(resource.get("concept", ()))] if type == "CodeSystem" else []
        return {
            **self._head(resource),
            "includes": resource.get("compose", {}).get("include", ()),
            "concepts": found[:_MOST_CODES],
            "count": len(found),
            "link": self._link,
            "systems": self._systems,
        }

    def _head(self, resource: Resource) -> dict[str, Any]:
        return {
            "resource": resource,
            "title": titled(resource, language()),
            "text": described(resource, language()),
            "json": f"{self._base}/{resource['resourceType']}/{resource['id']}",
        }

    def _read(self, type: str, id: str) -> Resource:
        body = self._bodies.get((type, id))
        if body is None:
            raise NotFound.because("resource-unknown", type=type, id=id)
        found: Resource = orjson.loads(body)
        return found

    def _link(self, url: str) -> str | None:
        """Return the address of the page about what `url` names, None if that is not here."""
        here = self._hrefs.get(url.partition("|")[0])
        if here is not None:
            return here
        page_of_r4 = _hl7(url)
        return None if page_of_r4 is None else f"https://hl7.org/fhir/R4/{page_of_r4}"

    def _systems(self, url: str, version: str | None) -> list[Entry]:
        """Return the code systems with this URL, of this version if one is given."""
        return [
            one
            for one in self._entries
            if one.kind == "CodeSystem" and one.url == url and version in (None, one.version)
        ]


def _entry(resource: Resource) -> Entry:
    type, id = resource["resourceType"], resource["id"]
    return Entry(
        href=f"/profiles/{type}/{id}",
        id=id,
        url=resource["url"],
        version=resource.get("version"),
        kind=resource["kind"] if type == "StructureDefinition" else type,
        titles={spoken: titled(resource, spoken) for spoken in TAGS},
        texts={spoken: described(resource, spoken) for spoken in TAGS},
    )


def _hl7(url: str) -> str | None:
    """Return the page of R4 about one of HL7's own structures, None if it is no such."""
    start = "http://hl7.org/fhir/StructureDefinition/"
    if not url.startswith(start):
        return None
    name = url.removeprefix(start).lower()
    is_extension = "-" in name
    return f"extension-{name}.html" if is_extension else f"{name}.html"


def _concepts(
    concepts: tuple[Mapping[str, Any], ...], depth: int = 0
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for concept in concepts:
        yield depth, concept
        yield from _concepts(concept.get("concept", ()), depth + 1)
