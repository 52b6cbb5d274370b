"""What this server knows of codes, told from what is in force just now.

Spec: https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from server.context import Context
from server.fhir import json
from server.services import VERSION
from server.terminology.library import Head

TYPE = "TerminologyCapabilities"
_EXPAND = "valueset-expand"


def terminology(context: Context) -> bytes:
    """Return the TerminologyCapabilities: code systems with versions, and how sets are expanded."""
    known = context.interpreters
    expand = next(one for one in known.operations.all if one.id == _EXPAND)
    return json.dumps(
        {
            "resourceType": TYPE,
            "id": "tongkang",
            "url": f"{known.settings.base_url}/metadata?mode=terminology",
            "version": VERSION,
            "name": "TongkangTerminology",
            "title": "通康术语服务 Tongkang terminology service",
            "status": "active",
            "date": known.started,
            "kind": "instance",
            "software": {"name": "Tongkang", "version": VERSION},
            "implementation": {"description": "通康 Tongkang", "url": known.settings.base_url},
            "codeSystem": list(_code_systems(context)),
            "expansion": {
                "hierarchical": True,
                "paging": True,
                "incomplete": False,
                "parameter": [{"name": name} for name in expand.parameters],
            },
            "codeSearch": "all",
            "validateCode": {"translations": False},
            "translation": {"needsMap": True},
            "closure": {"translation": False},
        }
    )


def _code_systems(context: Context) -> Iterator[Mapping[str, Any]]:
    terminology = context.interpreters.terminology
    loaded = {(one.url, one.version) for one in terminology.loaded.all()}
    heads = [one.head for one in terminology.library.all("CodeSystem")]
    here = [
        one for one in heads if one.content != "not-present" or (one.url, one.version) in loaded
    ]
    for url, versions in groupby(here, key=lambda head: head.url):
        chosen = terminology.library.find("CodeSystem", url)
        default = None if chosen is None else chosen.head
        told = [_version(one, default) for one in versions]
        yield {"uri": url, **({"version": [one for one in told if one]} if any(told) else {})}


def _version(head: Head, chosen: Head | None) -> Mapping[str, Any]:
    if head.version is None:
        return {}
    return {"code": head.version, "isDefault": head == chosen}
