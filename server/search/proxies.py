"""Resources that are seen as another one is, which they name: a Binary as its security context.

If that is a Patient, the Binary is of their record. If it is anything else, whoever may read that
may read the Binary; nobody finds it by searching, for no query tells what one may read.

Spec: https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext
"""

from collections.abc import Mapping
from typing import Any

from server.fhir.reference import Target, parse

TYPES = frozenset({"Binary"})
_PATIENT = "Patient"


def patients(resource: Mapping[str, Any], base_url: str) -> list[str]:
    """Return the patient (``Patient/a``) that `resource` is seen as, if it is one."""
    named = _named(resource, base_url)
    return [named.text] if named is not None and named.type == _PATIENT else []


def via(resource: Mapping[str, Any], base_url: str) -> str | None:
    """Return the reference to what `resource` is seen as, None if it is a patient or nothing."""
    named = _named(resource, base_url)
    return None if named is None or named.type == _PATIENT else named.text


def _named(resource: Mapping[str, Any], base_url: str) -> Target | None:
    if resource["resourceType"] not in TYPES or "securityContext" not in resource:
        return None
    return parse(resource["securityContext"].get("reference", ""), base_url)
