"""Create a resource, unconditionally or unless one like it exists.

Spec: https://hl7.org/fhir/R4/http.html#create
"""

from server.context import Context
from server.interactions import criteria
from server.interactions.call import Call, Result
from server.interactions.writing import no_parameters, parsed, posted, written


def create(context: Context, call: Call) -> Result:
    """Store the body under a new id. An id in the body is not used, as the specification asks.

    With If-None-Exist: 200 and the resource that exists already if one does.
    Raises PreconditionFailed if several do.
    """
    type = call.resource_type
    no_parameters(call)
    resource, body = parsed(context, call)
    new = posted(context, type, resource, body)
    if call.criteria is None:
        return written(context, call, context.resources.create(new), 201)
    wanted = criteria.from_header(context, type, call.criteria)
    existing = criteria.matched(context, type, wanted)
    if existing is not None:
        return written(context, call, existing, 200)
    stored, made = context.resources.create_unless_found(new, wanted.condition, wanted.claim)
    return written(context, call, stored, 201 if made else 200)
