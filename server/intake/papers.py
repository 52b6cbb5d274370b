"""A document of WS/T 500, posted as a record of the visit that it is about.

A prescription says nothing of diagnoses, nor a report of anything but its results, so what is
there of the visit stays beside what a document says. Of two that arrive at once the later one is
put over what the earlier one left.

Spec: docs/cda.md,
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from dataclasses import replace

from server.context import Context
from server.fhir.formats import FHIR_JSON
from server.fhir.outcome import Conflict, PreconditionFailed, Unprocessable
from server.intake.made import Request, errors, warnings
from server.intake.records import Visits
from server.interactions.alone import alone
from server.interactions.call import Call, Result
from server.interactions.quality import counting
from server.interactions.quality.measuring import Outcome
from server.mappings.cda.documents import Papers

_MOST_TRIES = 5


def create(context: Context, call: Call) -> Result:
    """Store what the document in the body of `call` says of a visit.

    Raises BadRequest and TooLarge for what is no right XML, Unprocessable for a document that is
    not read, or with an issue for each thing that is wrong with it.
    """
    papers = context.interpreters.documents.read(call.body)
    if papers.read.is_refused:
        rules = tuple(dict.fromkeys(one.rule for one in errors(papers.read.faults)))
        counting.count(context, [Outcome("refused", papers.read.record, rules)])
        raise Unprocessable(*(one.issue() for one in papers.read.faults))
    answer = _stored(context, call, papers)
    if call.preference.returns == "OperationOutcome":
        told = tuple(one.issue() for one in warnings(papers.read.faults))
        answer = replace(answer, issues=(*answer.issues, *told))
    return answer


def _stored(context: Context, call: Call, papers: Papers) -> Result:
    """Return the answer to what `papers` write, after as many tries as others get in between."""
    making = Visits(context, papers.dataset)
    for number in range(_MOST_TRIES):
        (one,) = making.requests([papers.read])
        if one.refusal is not None:
            counting.refused(context, [(papers.read.record, one.refusal.issues)])
            raise one.refusal
        try:
            return alone(context, _posted(call, *one.requests))
        except (PreconditionFailed, Conflict):
            if number == _MOST_TRIES - 1:
                raise
    raise ValueError(_MOST_TRIES)


def _posted(call: Call, request: Request) -> Call:
    """Return the post of `request`, in the place of `call`."""
    return replace(
        call,
        body=request.body,
        content_type=FHIR_JSON,
        if_match=request.if_match,
        if_none_match=request.if_none_match,
    )
