"""$convert: a resource from one format to another.

Formats are read and written at the door, for every request; what is left to do here is to see to it
that the resource has the structure that both formats rely on.

Spec: https://hl7.org/fhir/R4/resource-operation-convert.html
"""

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.interactions.call import Call, Result
from server.operations.arguments import Arguments


def convert(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the resource that is given, which is answered in the format that is asked for.

    Raises Unprocessable with every fault of its structure.
    """
    del call  # it is about nothing stored
    resource, body = json.parse(
        arguments.value("input") or b"", context.interpreters.settings.max_depth
    )
    if faults := context.interpreters.structure.faults(resource):
        raise Unprocessable(*faults)
    return Result(status=200, body=body)
