"""$meta: the profiles, tags and security labels of a resource.

Spec: https://hl7.org/fhir/R4/resource-operation-meta.html
"""

import orjson

from server.context import Context
from server.fhir import json
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.operations.arguments import Arguments


def meta(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the meta of one resource in a Parameters resource."""
    del arguments  # it has none
    found = context.resources.read(call.resource_type, call.id or "")
    seen = redaction.shown(context, found.body or b"")
    parameter = {"name": "return", "valueMeta": orjson.loads(seen).get("meta", {})}
    body = json.dumps({"resourceType": "Parameters", "parameter": [parameter]})
    return Result(status=200, body=body, disclosed=(Disclosed.of(found),))
