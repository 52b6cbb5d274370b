"""Own search parameters on the way of a request: what is in force, and what may be stored.

A SearchParameter of the status ``active`` is used, so it has to be right; one of another status is
only stored, and so is one that has the URL of a parameter of R4, which the server has anyway.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from server.context import Context
from server.fhir.json import Resource
from server.fhir.outcome import Unavailable, Unprocessable
from server.interactions.call import Call
from server.profiles import own_parameters
from server.search import own
from server.terminology.library import TYPES

UNCONCERNED = frozenset(
    ("capabilities", "read", "vread", "history-instance", "history-type", "history-system")
)
"""Interactions that need not know of any search parameter that was stored."""
_TYPE = "SearchParameter"
_TERMINOLOGY = frozenset(TYPES)


@contextmanager
def in_force(context: Context, call: Call, *, changes: bool) -> Iterator[None]:
    """Have the block go by the own parameters in force, and go by what it stores afterwards.

    `changes` tells that `call` may store something. Raises Unavailable if the database has to be
    asked for them first and does not answer.
    """
    registry = context.services.registry
    if not changes:
        registry.require_known()
        yield
        return
    with registry.writing():
        yield
    stored(context, (call.type,))


def stored(context: Context, types: Collection[str | None]) -> None:
    """Go by what was stored, of these `types`, if a parameter or terminology may be among it."""
    if not _TERMINOLOGY.isdisjoint(types):
        context.services.definitions.changed()
    if _TYPE in types:
        # It is stored: a refusal now would have the caller store it again. The registry looks
        # again within a second anyway.
        with suppress(Unavailable):
            context.services.registry.refresh()


def check(context: Context, id: str, resource: Resource) -> None:
    """Raise Unprocessable if `resource` is a search parameter to be used that cannot be."""
    if resource["resourceType"] != _TYPE or not own_parameters.is_active(resource):
        return
    fact = own_parameters.read({**resource, "id": id})
    plans = context.interpreters.index.plans
    if own.is_built_in(plans.r4, fact):
        return
    # Under this id there may be another one, whose place this takes.
    others = {
        type: tuple(one for one in known if one.id != id)
        for type, known in context.services.registry.view.own.items()
    }
    issues = own.faults(plans, fact, others)
    if issues:
        raise Unprocessable(*issues)
