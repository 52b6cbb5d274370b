"""What residents measure themselves: marked as such, whatever they write it with.

Their values are never mixed up with those of institutions (R3.4); the mark is a tag, by which they
are searched and left out.

Spec: 居民电子健康档案管理制度; https://hl7.org/fhir/R4/resource.html#simple-tags
"""

from collections.abc import Mapping
from typing import Any

from server.access.caller import Caller
from server.fhir import json

SYSTEM, CODE = "urn:tongkang:self-measured", "self-measured"


def marked(caller: Caller, resource: Mapping[str, Any], body: bytes) -> bytes:
    """Return `body`, the bytes of `resource`, with the mark if a resident sends an Observation."""
    if caller.kind != "resident" or resource["resourceType"] != "Observation" or _is(resource):
        return body
    found = json.exact(body)
    meta = dict(found.get("meta", {}))
    tags = [*meta.get("tag", ()), {"system": SYSTEM, "code": CODE}]
    return json.dumps({**found, "meta": {**meta, "tag": tags}})


def _is(resource: Mapping[str, Any]) -> bool:
    tags = resource.get("meta", {}).get("tag", ())
    return any((tag.get("system"), tag.get("code")) == (SYSTEM, CODE) for tag in tags)
