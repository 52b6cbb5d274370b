"""Where a resource belongs: who is responsible for it, and in which administrative division it is.

A patient belongs to the division of their address, and so does all that is about them; the rest
belongs to the division of who stores it. Responsible is the unit that stores it first; if nobody
says who that is, the one that the resource names: 人口健康信息管理办法 article 4 (R1.4, R5.1).
"""

from collections.abc import Mapping
from typing import Any

from server.access import divisions
from server.context import Context
from server.fhir.address import division_codes, home
from server.store.database import ALL

_OF = ("managingOrganization", "serviceProvider", "custodian", "organization")


def marks(
    context: Context, resource: Mapping[str, Any], entries: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return `own`, `div` and `shut` of `resource`, whose index has these `entries`."""
    caller = context.access.caller
    found: dict[str, Any] = {}
    own = caller.organization.reference or _stated(resource)
    if own is not None:
        found["own"] = own
    if resource["resourceType"] == "Patient":
        if places := of_patient(resource):
            found["div"] = places
    elif patients := entries.get("comp"):
        known = dict(context.services.store.belonging(patients))
        kept = set(known.pop("kept", ()))
        found.update(known)
        if kept & {ALL, *entries.get("sec", ())}:
            found["shut"] = True
    if "div" not in found and caller.division:
        found["div"] = divisions.above(caller.division)
    return found


def of_patient(resource: Mapping[str, Any]) -> list[str]:
    """Return the divisions that the home of the Patient `resource` is in, the widest first."""
    address = home(resource.get("address"))
    codes = [code for code in division_codes(address or {}) if divisions.is_code(code)]
    return divisions.above(codes[0]) if codes else []


def _stated(resource: Mapping[str, Any]) -> str | None:
    """Return the Organization that `resource` says it is of, None if it does not say so."""
    for name in _OF:
        match resource.get(name):
            case {"reference": str(text)} if text.startswith("Organization/"):
                return text
    return None
