"""Consents that the server keeps: what residents let apps do, and what they do not let be shared.

Pages and the trail rely on them, so they come of a resident's own decision on a page. Whoever could
write or delete one over FHIR would speak for a resident.

Spec: https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Mapping
from typing import Any

import orjson

from server.access.policy import Access
from server.store.documents import Version

SYSTEM = "urn:tongkang:consent"
"""The code system of their categories."""
_TYPE = "Consent"


def check(access: Access, resource: Mapping[str, Any]) -> None:
    """Raise Forbidden if `resource` is one of them, and it is not the server that writes it."""
    if resource["resourceType"] == _TYPE and SYSTEM in _systems(resource):
        access.require_internal("consent-kept")


def check_stored(access: Access, version: Version) -> None:
    """Raise Forbidden if `version` is one of them, and it is not the server that replaces it."""
    if version.type == _TYPE and version.body is not None:
        check(access, orjson.loads(version.body))


def _systems(consent: Mapping[str, Any]) -> set[str | None]:
    return {
        coding.get("system")
        for category in consent.get("category", ())
        for coding in category.get("coding", ())
    }
