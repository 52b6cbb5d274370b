"""The one door: every request to the data passes `begin`."""

from collections.abc import Callable, Mapping

from server.access.policy import NEEDED
from server.context import Context
from server.fhir.outcome import BadRequest
from server.interactions import (
    alone,
    batch,
    create,
    delete,
    history,
    parameters,
    patch,
    read,
    search,
    statement,
    update,
    urls,
)
from server.interactions.call import Call, Result
from server.operations import table
from server.services import Interpreters

_OPERATION = "operation"
_BUNDLE = "batch"
_TOLD = ("create", "update", "patch", "delete")
"""Interactions of which X-Provenance may tell where what they write comes from."""

HANDLERS: Mapping[str, Callable[[Context, Call], Result]] = {
    "capabilities": statement.capabilities,
    "read": read.read,
    "vread": read.vread,
    "create": create.create,
    "update": update.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "search-type": search.search,
    "search-system": search.search_system,
    "search-compartment": search.search_compartment,
    "history-instance": history.history_instance,
    "history-type": history.history_type,
    "history-system": history.history_system,
    _OPERATION: table.perform,
}


DEFERRED = frozenset(
    (
        "search-type", "search-system", "search-compartment", "history-type", "history-system",
        _BUNDLE,
    )
)  # fmt: skip
"""Interactions that may be done later; which operations may stands in their table."""


def perform(context: Context, call: Call) -> Result:
    """Return the result of `call`, all of it.

    Raises FhirError for every refusal.
    """
    return begin(context, call).whole()


def begin(context: Context, call: Call) -> Result:
    """Return the result of `call`, of which there may be a rest that is still to be made.

    Access is decided here and nowhere else, so a handler cannot forget it. The rest is read by what
    was decided, and compiled, for its beginning: no parameter has to stay in force for it.
    Raises FhirError for every refusal.
    """
    if call.interaction == _BUNDLE:
        # Each of its entries comes back here.
        with parameters.in_force(context, call, changes=True):
            return batch.bundle(context, call, perform)
    require(context, call)
    handler = _handler(context.interpreters, call)
    if call.interaction in parameters.UNCONCERNED:
        return handler(context, call)
    with parameters.in_force(context, call, changes=changes(context.interpreters, call)):
        return handler(context, call)


def _handler(interpreters: Interpreters, call: Call) -> Callable[[Context, Call], Result]:
    """Return what does `call`. Raises BadRequest if it cannot be told where that comes from."""
    if call.interaction in _TOLD and call.type in interpreters.projections:
        return alone.alone  # with what it comes to
    if call.provenance is None or not changes(interpreters, call):
        return HANDLERS[call.interaction]
    if call.interaction not in _TOLD:
        raise BadRequest.because("provenance-not-here")
    return alone.alone


def require(context: Context, call: Call) -> None:
    """Raise Forbidden unless the caller may ask for `call`, as far as that can be told at once.

    An operation needs what its table says, each entry of a bundle is asked about by itself.
    """
    if call.interaction == _OPERATION:
        table.require(context, call)
    elif call.interaction != _BUNDLE:
        context.access.require(call.interaction, call.type)


def may_wait(interpreters: Interpreters, call: Call) -> bool:
    """Tell whether `call` may be done later, when nobody waits for it."""
    if call.interaction == _OPERATION:
        return table.OPERATIONS[table.defined(interpreters, call).id].is_deferred
    return call.interaction in DEFERRED


def must_wait(interpreters: Interpreters, call: Call) -> bool:
    """Tell whether `call` is done later in any case, for it takes longer than anybody waits."""
    if call.interaction != _OPERATION:
        return False
    return table.OPERATIONS[table.defined(interpreters, call).id].is_always_deferred


def check(context: Context, call: Call) -> None:
    """Raise the refusal of what is wrong with `call` as far as that can be told at once."""
    if call.interaction == _OPERATION:
        table.check(context, call)


def changes(interpreters: Interpreters, call: Call) -> bool:
    """Tell whether `call` can change what is stored, so that it cannot be done over."""
    if call.interaction == _OPERATION:
        return table.changes(interpreters, call)
    if call.interaction == _BUNDLE:
        return True
    return NEEDED.get(call.interaction) in ("c", "u", "d")


def methods(interpreters: Interpreters, path: str) -> list[str]:
    """Return the methods that `path` answers to. Raises NotFound if it means nothing."""
    found = urls.methods(path, interpreters.types)
    if not _is_operation(path):
        return found
    asked = urls.meaning("POST", path, interpreters.types)
    call = Call(interaction=_OPERATION, type=asked.type, id=asked.id, operation=asked.operation)
    if not table.defined(interpreters, call).affects_state:
        return found
    return [method for method in found if method not in ("GET", "HEAD")]


def require_method(interpreters: Interpreters, method: str, path: str) -> None:
    """Raise MethodNotAllowed if an operation is asked for in a way that it is not had."""
    if _is_operation(path) and method not in (allowed := methods(interpreters, path)):
        raise urls.not_allowed(method, allowed)


def _is_operation(path: str) -> bool:
    return path.rpartition("/")[2].startswith("$")
