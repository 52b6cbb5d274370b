"""The guide of what comes with the server, and its definitions with their snapshots.

Spec: https://hl7.org/fhir/R4/structuredefinition.html
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from types import MappingProxyType

import orjson

from server.fhir import json
from server.fhir.outcome import FhirError
from server.profiles import snapshots
from server.profiles.definitions import Definitions
from server.profiles.guide import Check, Guide
from server.profiles.identity_numbers import kinds
from server.profiles.identity_rules import IdentityRules, checks
from server.profiles.publications import Publication, Publications
from server.profiles.snapshots import Facts

_TYPE = "StructureDefinition"


def shipped(
    facts: Facts,
    bases: Mapping[str, str],
    publications: Publications,
    more: Mapping[str, Check] = MappingProxyType({}),
) -> Guide:
    """Return the guide of R4's own profiles and of those among `publications`.

    `more` are rules that belong to some of them, by canonical URL.
    """
    known: dict[str, json.Resource] = {}
    for one in publications.all:
        if one.type == _TYPE:
            resource = orjson.loads(one.body)
            known[resource["url"]] = resource
            if "version" in resource:
                known[f"{resource['url']}|{resource['version']}"] = resource
    return Guide.of(facts, bases, known.get, more=more)


def national(facts: Definitions, published: Publications, folder: Path, zone: tzinfo) -> Guide:
    """Return the guide of what is `published`, with the rules of identity numbers in `folder`.

    Nobody is born after today in `zone`.
    """
    rules = IdentityRules(kinds.load(folder / "identity"), lambda: datetime.now(zone).date())
    return shipped(snapshots.load(folder / "r4"), facts.bases, published, checks(rules))


def supported(publications: Publications) -> Mapping[str, tuple[str, ...]]:
    """Return the URLs of the profiles of resources among `publications`, by resource type."""
    found: dict[str, tuple[str, ...]] = {}
    for one in publications.all:
        if one.type == _TYPE:
            resource = orjson.loads(one.body)
            if resource["kind"] == "resource" and resource["derivation"] == "constraint":
                type = resource["type"]
                found[type] = (*found.get(type, ()), resource["url"])
    return found


def with_snapshots(publications: Publications, guide: Guide) -> Publications:
    """Return `publications` in which every StructureDefinition has its snapshot.

    Raises ValueError, with the file and what is wrong in it, if a differential is at fault.
    """
    return Publications(
        tuple(_completed(one, guide) if one.type == _TYPE else one for one in publications.all)
    )


def _completed(one: Publication, guide: Guide) -> Publication:
    resource = orjson.loads(one.body)
    try:
        elements = guide.snapshots.snapshot(resource)
        if resource["kind"] != "logical":
            guide.find(resource["url"])
    except FhirError as error:
        message = f"{one.type}/{one.id}.json: {error}"
        raise ValueError(message) from error
    exact = json.exact(one.body)
    whole = {name: value for name, value in exact.items() if name != "differential"}
    whole["snapshot"] = {"element": elements}
    whole["differential"] = exact["differential"]
    return Publication(one.type, one.id, json.dumps(whole))
