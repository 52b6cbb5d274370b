"""A single write with what is stored beside it: where it comes from, or what it comes to.

It is a transaction of one entry.

Spec: https://hl7.org/fhir/R4/provenance.html#header
"""

from dataclasses import replace

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.interactions import provenance
from server.interactions.call import Call, Result
from server.interactions.entries import ALONE, Entry
from server.interactions.quality import counting
from server.interactions.transaction import Writing
from server.interactions.writing import parsed


def alone(context: Context, call: Call) -> Result:
    """Do what `call` writes, and store where that comes from, if told, and what it comes to."""
    origin = provenance.read(context, call)
    entry = Entry(ALONE, call.method, call, None, {})
    try:
        if call.interaction in ("create", "update"):
            resource, body = parsed(context, call)
            entry = replace(entry, call=replace(call, body=body), resource=resource)
        writing = Writing(context, [entry], origin)
        answer = writing.run()[ALONE]
    except Unprocessable as refusal:
        if counting.submits(call):
            sent, _ = json.parse(call.body, context.interpreters.settings.max_depth)
            counting.refused(context, [(sent, refusal.issues)])
        raise
    return replace(answer, disclosed=(*answer.disclosed, *writing.told))
