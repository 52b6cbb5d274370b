"""EncounterRecord/$document: the FHIR document that a record of a visit has come to.

It is that of the Composition which the record was projected to.

Spec: https://hl7.org/fhir/R4/composition-operation-document.html
"""

from dataclasses import replace

from server.context import Context
from server.fhir.outcome import NotFound
from server.interactions.call import Call, Disclosed, Result
from server.operations import document
from server.operations.arguments import Arguments

_ROLE, _TYPE = "document", "Composition"


def of_record(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the document of the record that `call` names.

    Raises NotFound, Gone; NotFound as well if it has none, for nobody knows whom it is about.
    """
    record = context.resources.read(call.resource_type, call.id or "")
    projection = context.interpreters.projections[record.type]
    id = projection.id(record.id, _ROLE)
    context.access.require_operation("document", "r", _TYPE)
    if context.resources.find(_TYPE, id) is None:
        raise NotFound.because("record-without-document")
    made = document.document(context, replace(call, type=_TYPE, id=id), arguments)
    return replace(made, disclosed=(Disclosed.of(record), *made.disclosed))
