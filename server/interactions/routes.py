"""Which URL and method mean which interaction.

The HTTP face dispatches by this table, answers 405 and OPTIONS from it, and
the CapabilityStatement is computed from it.

Spec: https://hl7.org/fhir/R4/http.html#summary
"""

from collections.abc import Iterable
from dataclasses import dataclass

TYPE, ID, VERSION = "{type}", "{id}", "{version}"
# A compartment: the resource it belongs to, and the type of what is in it or * for all types.
OWNER, MEMBER = "{owner}", "{member}"
# An operation, with its $.
OPERATION = "{operation}"
# Where a request that is done later is asked after.
JOBS = "_jobs"
JOB_STATUS, JOB_CANCEL, JOB_REJECTS = "job-status", "job-cancel", "job-rejects"
# What of its input a job has not taken.
REJECTS = "rejects"
ABOUT_JOBS = (JOB_STATUS, JOB_CANCEL, JOB_REJECTS)
_COMPARTMENT = "search-compartment"
_OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `shape` is the path below the base; names in braces are variable."""

    method: str
    shape: tuple[str, ...]
    interaction: str


ROUTES = (
    Route("GET", ("metadata",), "capabilities"),
    Route("GET", ("_history",), "history-system"),
    Route("GET", (), "search-system"),
    Route("POST", (), "batch"),
    Route("POST", ("_search",), "search-system"),
    Route("GET", (JOBS, ID), JOB_STATUS),
    Route("DELETE", (JOBS, ID), JOB_CANCEL),
    Route("GET", (JOBS, ID, REJECTS), JOB_REJECTS),
    Route("GET", (TYPE,), "search-type"),
    Route("POST", (TYPE, "_search"), "search-type"),
    Route("POST", (TYPE,), "create"),
    Route("PUT", (TYPE,), "update"),
    Route("PATCH", (TYPE,), "patch"),
    Route("DELETE", (TYPE,), "delete"),
    Route("GET", (TYPE, "_history"), "history-type"),
    Route("GET", (TYPE, ID), "read"),
    Route("PUT", (TYPE, ID), "update"),
    Route("PATCH", (TYPE, ID), "patch"),
    Route("DELETE", (TYPE, ID), "delete"),
    Route("GET", (TYPE, ID, "_history"), "history-instance"),
    Route("GET", (TYPE, ID, "_history", VERSION), "vread"),
    Route("GET", (OWNER, ID, MEMBER), _COMPARTMENT),
    Route("POST", (OWNER, ID, MEMBER, "_search"), _COMPARTMENT),
    Route("GET", (OPERATION,), _OPERATION),
    Route("POST", (OPERATION,), _OPERATION),
    Route("GET", (TYPE, OPERATION), _OPERATION),
    Route("POST", (TYPE, OPERATION), _OPERATION),
    Route("GET", (TYPE, ID, OPERATION), _OPERATION),
    Route("POST", (TYPE, ID, OPERATION), _OPERATION),
)


def on_types(routes: Iterable[Route] = ROUTES) -> list[str]:
    """Return the interactions that are had for each resource type, in the table's order.

    Operations are not among them, which are told by their definitions.
    """
    named = (route.interaction for route in routes if TYPE in route.shape)
    return [one for one in dict.fromkeys(named) if one != _OPERATION]


def on_system(routes: Iterable[Route] = ROUTES) -> list[str]:
    """Return the interactions with the system as a whole, but for the capabilities themselves."""
    named = (route.interaction for route in routes if TYPE not in route.shape)
    others = ("capabilities", _COMPARTMENT, _OPERATION, *ABOUT_JOBS)
    found = [one for one in dict.fromkeys(named) if one not in others]
    # What is posted to the base is one or the other, as the Bundle says.
    return [*found, "transaction"] if "batch" in found else found
