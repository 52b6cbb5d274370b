"""Expansion of the value sets in HL7's R4 package, as far as the package tells.

Spec: https://hl7.org/fhir/R4/valueset.html#compose
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

Json = dict[str, Any]


class Unlisted(Exception):
    """The codes of a value set or code system cannot be listed."""


def codes(concepts: Iterable[Json]) -> Iterator[str]:
    """Yield the code of every concept of a hierarchy."""
    for concept in concepts:
        yield concept["code"]
        yield from codes(concept.get("concept", ()))


def listed(part: Json, systems: dict[str, Json]) -> set[tuple[str, str]]:
    """Return the (system, code) pairs that one include names by system.

    Raises Unlisted for a system that the package does not hold whole, and for a filter: no
    value set of a required binding has one.
    """
    url = part["system"]
    if "concept" in part:
        return {(url, code) for code in codes(part["concept"])}
    system = systems.get(url, {})
    if system.get("content") != "complete" or "filter" in part:
        raise Unlisted(url)
    return {(url, code) for code in codes(system["concept"])}


def expansion(url: str, sets: dict[str, Json], systems: dict[str, Json]) -> set[tuple[str, str]]:
    """Return the (system, code) pairs of the value set `url`.

    Raises Unlisted if they cannot be told from the package.
    """
    if "compose" not in sets.get(url, {}):
        raise Unlisted(url)

    def union(parts: Iterable[Json]) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for part in parts:
            nested = [
                expansion(other.partition("|")[0], sets, systems)
                for other in part.get("valueSet", ())
            ]
            own = [listed(part, systems)] if "system" in part else []
            found |= set.intersection(*own, *nested)
        return found

    compose = sets[url]["compose"]
    return union(compose["include"]) - union(compose.get("exclude", ()))


def value_sets(urls: Iterable[str], found: dict[str, list[Json]]) -> Iterator[Json]:
    """Yield the expansion of each value set of `urls` that can be listed."""
    sets = {definition["url"]: definition for definition in found["ValueSet"]}
    systems = {definition["url"]: definition for definition in found["CodeSystem"]}
    for url in sorted(urls):
        try:
            pairs = expansion(url, sets, systems)
        except Unlisted as reason:
            print(f"not listed: {url} ({reason})", file=sys.stderr)
            continue
        systems_of = groupby(sorted(pairs), key=itemgetter(0))
        yield {
            "url": url,
            "systems": {system: [code for _, code in own] for system, own in systems_of},
        }
