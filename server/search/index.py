"""The search index: what a resource is found by, computed when it is stored.

`entries` gives the fields of the stored document that conditions of `query` are about:

- t: exact terms ``parameter=value`` of tokens, references and URIs; c: those of the main code
- pt, ds, de, dl: the patient and the main date, which common queries combine and sort by
- s: strings ``parameter=folded``; g: their bigrams; w: words of the whole resource
- d, n, q: dates, numbers, quantities as ranges; k: composites; geo: a position
- o, z: the least and the greatest value of each parameter, to sort by
- comp: the patients it is about
- sec: the labels of sensitive data that it has
- via: what it is seen as, if that is another resource than a patient
- has: the parameters that have a value, whether it makes an entry or not. A parameter made of
  others is not among them, unless it narrows them to a type, as ``patient`` does ``subject``

Fields without entries are left out.
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from itertools import chain
from typing import Any

from server.content import TERMINOLOGY
from server.profiles.definitions import Definitions
from server.search import limits, proxies, sensitivity, sortkeys, units
from server.search.compartments import patients
from server.search.parameter import Entries, Environment, Extract
from server.search.plan import Plan
from server.search.plans import Plans
from server.search.steps import Resource, ValuesOf
from server.search.string import bigrams
from server.search.words import WORDLESS, words
from server.terminology import phonetics, service
from server.terminology.service import Terminology

__all__ = ["Plans", "SearchIndex", "environment"]


def environment(zone: tzinfo, base_url: str, terminology: Terminology | None = None) -> Environment:
    """Return what values mean on a server in `zone` whose FHIR base is `base_url`.

    Without a `terminology`, codes mean what HL7 says.
    """
    return Environment(
        zone,
        base_url.rstrip("/"),
        units.load(TERMINOLOGY / "ucum.json"),
        phonetics.load(TERMINOLOGY / "surname-readings.json"),
        terminology or service.load((), TERMINOLOGY / "r4", TERMINOLOGY / "editions.toml"),
    )


_Reader = tuple[str, ValuesOf, Extract | None]
_Compute = Callable[[Resource], dict[str, Any]]


class SearchIndex:
    """Computes index entries; without `with_words`, none for searches through all text."""

    def __init__(
        self,
        definitions: Definitions,
        zone: tzinfo,
        base_url: str,
        terminology: Terminology | None = None,
        *,
        with_words: bool = True,
    ) -> None:
        self.plans = Plans(definitions, environment(zone, base_url, terminology))
        self._with_words = with_words
        self._labels = sensitivity.labels(TERMINOLOGY)
        self._computed: dict[str, tuple[Plan, _Compute]] = {}

    def entries(self, resource: Resource) -> dict[str, Any]:
        """Return the index fields of `resource`, whose structure is valid.

        Raises TooLarge if it has more values than an index of one resource takes.
        """
        type = resource["resourceType"]
        known = self.plans.complete(type)
        computed = self._computed.get(type)
        if computed is None or computed[0] is not known:
            computed = self._computed[type] = (known, self._compute(known))
        return computed[1](resource)

    def main_fields(self, type: str) -> Mapping[str, str]:
        """Return which parameter of `type` has each of the fields pt, c and ds to itself."""
        return self.plans[type].main

    def _compute(self, known: Plan) -> _Compute:
        base_url = self.plans.environment.base_url
        about = patients(self.plans.definitions, known.type, known.branches, base_url)
        by_element = self._readers(known)
        always = by_element.pop(None, [])
        joined = [focus for one in known.composites.values() for focus in one.foci]

        def compute(resource: Resource) -> dict[str, Any]:
            found = Entries()
            present: set[str] = set()
            own = [by_element[element] for element in resource if element in by_element]
            for code, values, add in chain(always, *own):
                several = values(resource, resource)
                if several:
                    present.add(code)
                    if add is not None:
                        limits.collect(several, add, found)
            for focus in joined:
                elements = focus.values(resource, resource)
                if elements:
                    limits.collect(elements, focus.adding(resource), found)
            limits.check(found)
            document = found.document()
            document.update(self._whole(resource, found, about(resource)))
            if present:
                document["has"] = sorted(present)
            return document

        return compute

    def _readers(self, plan: Plan) -> dict[str | None, list[_Reader]]:
        """Return what reads the entries and sort keys, by the element they are found in."""
        found: dict[str | None, list[_Reader]] = {}
        for one in plan.readers:
            add = sortkeys.kept(plan, one, self.plans.environment)
            found.setdefault(one.first, []).append((one.code, one.values, add))
        return found

    def _words(self, resource: Resource) -> list[str]:
        is_read = self._with_words and resource["resourceType"] not in WORDLESS
        return words(resource) if is_read else []

    def _whole(self, resource: Resource, found: Entries, about: list[str]) -> dict[str, Any]:
        """Return the fields that are about the resource as a whole."""
        fields: dict[str, Any] = {
            "g": bigrams(found.folded),
            "comp": about,
            "via": proxies.via(resource, self.plans.environment.base_url),
            "sec": self._labels(resource),
            "w": self._words(resource),
        }
        return {name: value for name, value in fields.items() if value}
