"""Delete a resource; its history stays.

Spec: https://hl7.org/fhir/R4/http.html#delete
"""

from server.context import Context
from server.fhir.outcome import Conflict, Issue
from server.interactions import criteria, kept_consents, shipped
from server.interactions.call import Call, Disclosed, Result
from server.interactions.update import check_match
from server.interactions.writing import no_parameters
from server.store.documents import Version

_ATTEMPTS = 8


def delete(context: Context, call: Call) -> Result:
    """Delete one resource, named by its id or by criteria. What is not there stays so (204).

    Raises PreconditionFailed if If-Match names another version, or if the
    criteria match several resources.
    """
    if call.id is None:
        return _delete_matched(context, call)
    no_parameters(call)
    type, id = call.resource_type, call.id
    for _ in range(_ATTEMPTS):
        old = context.resources.find(type, id, "d")
        done = _over(context, call, old)
        if done is not None:
            return done
    raise Conflict.because("resource-contended", type=type, id=id)


def _over(context: Context, call: Call, old: Version | None) -> Result | None:
    """Delete `old`, None for nothing; return None if that is no longer what is there."""
    if old is None or old.body is None:
        if call.if_match is not None:
            check_match(call, None)
        return deleted(call, old)
    check_match(call, old)
    kept_consents.check_stored(context.access, old)
    shipped.check(context, old.type, old.id)
    gone = context.resources.delete(old)
    return None if gone is None else deleted(call, gone)


def _delete_matched(context: Context, call: Call) -> Result:
    type = call.resource_type
    wanted = criteria.compiled(context, type, call.query)
    for _ in range(_ATTEMPTS):
        # That version only: if it changed meanwhile, it may no longer match.
        done = _over(context, call, criteria.matched(context, type, wanted))
        if done is not None:
            return done
    raise Conflict.because("resource-contended", type=type, id="?")


def deleted(call: Call, gone: Version | None) -> Result:
    """Return the answer to a deletion that left the tombstone `gone`, None if nothing was there."""
    version = gone.version if gone else None
    disclosed = (Disclosed.of(gone),) if gone else ()
    if call.preference.returns != "OperationOutcome":
        return Result(status=204, version=version, disclosed=disclosed)
    message = "nothing-to-delete" if gone is None else "deletion-done"
    issue = Issue("informational", message, {"type": call.type}, severity="information")
    return Result(status=200, version=version, issues=(issue,), disclosed=disclosed)
