"""EncounterRecord/$resolve: somebody decides whom a record is about that nobody was found for.

Whoever may change the Task that waits for it may decide, on a patient whom they see. They need no
right to the record itself, and are shown nothing of it beyond what the Task tells; the server
stores their decision with all that follows.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c); https://hl7.org/fhir/R4/task.html
"""

import orjson

from server.context import Context
from server.fhir.outcome import BadRequest, Conflict, NotFound
from server.fhir.reference import parse
from server.interactions import reviews
from server.interactions.call import Call, Disclosed, Result
from server.interactions.entries import ALONE, Entry
from server.interactions.platform import platform
from server.interactions.transaction import Writing
from server.operations.arguments import Arguments

_PATIENT = "Patient"


def resolve(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the Task, completed, when the record is about the given patient.

    Raises NotFound if the caller sees no such Task or patient, Conflict if nobody has to decide any
    more, BadRequest if what is given is no reference to a Patient of this server.
    """
    type, id = call.resource_type, call.id or ""
    context.access.require_operation("resolve", "u", reviews.TYPE)
    task_id = context.interpreters.projections[type].id(id, reviews.ROLE)
    task = context.resources.find(reviews.TYPE, task_id, "u")
    if task is None:
        raise NotFound.because("resource-unknown", type=type, id=id)
    if not reviews.is_open(task):
        raise Conflict.because("record-resolved")
    patient = context.resources.read(_PATIENT, _id(context, arguments))
    own = platform(context)
    record = own.resources.read(type, id)
    body = record.body or b""
    update = Call(interaction="update", method="PUT", type=type, id=id, body=body)
    entry = Entry(ALONE, "PUT", update, None, orjson.loads(body))
    writing = Writing(own, [entry], decided={id: f"{_PATIENT}/{patient.id}"})
    answer = writing.run()[ALONE]
    settled = own.resources.read(reviews.TYPE, task_id)
    return Result(
        status=200,
        body=settled.body or b"",
        version=settled.version,
        last_updated=settled.last_updated,
        disclosed=(Disclosed.of(patient), *answer.disclosed, *writing.told),
        interaction="update",
    )


def _id(context: Context, arguments: Arguments) -> str:
    given = orjson.loads(arguments.value("patient") or b"{}")
    target = parse(str(given.get("reference", "")), context.interpreters.settings.base_url)
    if not target.local or target.type != _PATIENT or target.id is None:
        raise BadRequest.because("operation-parameter-malformed", "patient")
    return target.id
