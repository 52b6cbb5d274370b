"""The pages of the profiles, value sets and code systems that come with the server, for everybody.

They show what is shipped and nothing else: it is read from the files, never from the database.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Response

from server import content
from server.fhir.canonical import BASE
from server.fhir.json import Resource
from server.fhir.outcome import NotFound
from server.portal.pages import language, page
from server.portal.session import signed_in
from server.profiles.outline import described, outline, titled
from server.services import Services

_EXAMPLES = content.PROFILES / "examples"
_MOST_CODES = 500
_KINDS = {
    "resource": "profiles-kind-resource",
    "complex-type": "profiles-kind-complex-type",
    "logical": "profiles-kind-logical",
}
_CODED = {"ValueSet": "profiles-valueset", "CodeSystem": "profiles-codesystem"}
_TYPES = ("StructureDefinition", *_CODED)


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


class Shelf:
    """What the pages show, from the definitions that come with the server."""

    def __init__(self, services: Services) -> None:
        self._definitions = services.interpreters.definitions
        self._base = services.interpreters.settings.base_url
        self._bodies = {
            (one.type, one.id): one.body
            for one in services.interpreters.publications.all
            if one.type in _TYPES
        }
        self._urls = {f"{BASE}/{type}/{id}": (type, id) for type, id in self._bodies}

    def index(self) -> dict[str, Any]:
        """Return the profiles by kind, and the value sets and code systems: id, title, text."""
        profiles = [*self._of("StructureDefinition")]
        kinds = [
            (key, [one for one in profiles if one["kind"] == kind]) for kind, key in _KINDS.items()
        ]
        others = [(key, [*self._of(type)]) for type, key in _CODED.items()]
        return {"kinds": [*kinds, *others]}

    def _of(self, type: str) -> Iterator[dict[str, Any]]:
        for kind, id in self._bodies:
            if kind == type:
                resource = self._read(type, id)
                yield {
                    "href": f"/profiles/{type}/{id}",
                    "id": id,
                    "title": titled(resource, language()),
                    "text": described(resource, language()),
                    "kind": resource.get("kind"),
                    "version": resource.get("version"),
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
        of = self._urls.get(url.partition("|")[0])
        if of is not None:
            return f"/profiles/{of[0]}/{of[1]}"
        return f"https://hl7.org/fhir/R4/{_hl7(url)}" if _hl7(url) else None

    def _systems(self, url: str, version: str | None) -> list[str]:
        """Return the addresses of the code systems with this URL, of this version if given."""
        found = []
        for type, id in self._bodies:
            if type == "CodeSystem":
                resource = self._read(type, id)
                is_one = version is None or resource.get("version") == version
                if resource["url"] == url and is_one:
                    found.append(f"/profiles/CodeSystem/{id}")
        return found


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
