"""Where a resource belongs: who is responsible for it, and in which administrative division it is.

A patient belongs to the division of their address, and so does all that is about them; the rest
belongs to the division of who stores it. Responsible is the unit that stores it first; if nobody
says who that is, the one that the resource names: 人口健康信息管理办法 article 4 (R1.4, R5.1).
"""

from collections.abc import Mapping
from typing import Any

from server.access import divisions
from server.access.caller import Caller
from server.context import Context
from server.fhir.address import division_codes, home
from server.store import belonging

_OF = ("managingOrganization", "serviceProvider", "custodian", "organization")


Said = Mapping[str, Mapping[str, Any]]
"""What the documents of some patients say that all that is about them bears, by ``Patient/a``."""


def marks(
    context: Context,
    resource: Mapping[str, Any],
    entries: Mapping[str, Any],
    said: Said | None = None,
) -> Mapping[str, Any]:
    """Return `div` and `shut` of `resource`, whose index has these `entries`.

    Those only that its address, or the patient it is about, decides, of whom `said` tells.
    """
    if resource["resourceType"] == "Patient":
        places = of_patient(resource)
        return {"div": places} if places else {}
    match entries:
        case {"comp": [patient]}:
            labels = entries.get("sec", ())
            if said is not None and patient in said:
                return belonging.marks(said[patient], labels)
            return context.services.store.belonging.marks(patient, labels)
    return {}


def defaults(caller: Caller, resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `own` and `div` of `resource` if nothing but its first writer `caller` says them."""
    own = caller.organization.reference or _stated(resource)
    found: dict[str, Any] = {} if own is None else {"own": own}
    if caller.division:
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
