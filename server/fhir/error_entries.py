"""Resources that were entered in error: their id and history stay, for others may refer to them.

Spec: https://hl7.org/fhir/R4/lifecycle.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

ENTERED_IN_ERROR = "entered-in-error"
_VERIFIED = {
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
}
"""Types that say so by their verificationStatus, and have no clinicalStatus then: its system."""


def is_in_error(resource: Mapping[str, Any]) -> bool:
    """Tell whether `resource` says of itself that it was entered in error."""
    codings: Iterable[Mapping[str, Any]] = resource.get("verificationStatus", {}).get("coding", ())
    return resource.get("status") == ENTERED_IN_ERROR or any(
        one.get("code") == ENTERED_IN_ERROR for one in codings
    )


def in_error(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return `resource` as one that was entered in error."""
    system = _VERIFIED.get(resource["resourceType"])
    if system is None:
        return {**resource, "status": ENTERED_IN_ERROR}
    kept = {name: value for name, value in resource.items() if name != "clinicalStatus"}
    return {
        **kept,
        "verificationStatus": {"coding": [{"system": system, "code": ENTERED_IN_ERROR}]},
    }
