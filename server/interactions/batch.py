"""A batch: entries that have nothing to do with one another, each done or refused by itself.

Those of one method are done a few at a time, so that what they send to the database goes together.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from server.context import Context
from server.fhir.outcome import BadRequest, FhirError, Unprocessable
from server.interactions import provenance
from server.interactions.answers import Answer, Answers, Perform, Room
from server.interactions.call import Call, Result
from server.interactions.entries import Bundle, Entry, about, linked, read
from server.interactions.institutions import TYPE as ORGANIZATION
from server.interactions.quality import counting
from server.interactions.transaction import transaction
from server.interactions.writing import no_parameters

_AT_ONCE = 4


def bundle(context: Context, call: Call, perform: Perform) -> Result:
    """Return the answer to the batch or transaction in the body, whose entries `perform` does."""
    no_parameters(call)
    origin = provenance.read(context, call)
    asked = read(context, call)
    if asked.type == "transaction":
        try:
            return transaction(context, asked, perform, origin)
        except FhirError as refusal:
            refusal.interaction, refusal.concerned = asked.type, tuple(asked.asked.values())
            _count(context, asked, refusal)
            raise
    if origin is not None:
        raise BadRequest.because("provenance-not-here")
    return _batch(context, asked, perform)


def _count(context: Context, asked: Bundle, refusal: FhirError) -> None:
    """Count the records of a transaction that is refused for what is said in it."""
    sent = [one for one in asked.entries if counting.submits(one.call)]
    if sent and isinstance(refusal, Unprocessable):
        told = ((one.resource, about(one.place, refusal.issues)) for one in sent)
        others = linked(asked.entries, ORGANIZATION)
        counting.refused(context, told, {url: one.resource for url, one in others.items()})


def _batch(context: Context, asked: Bundle, perform: Perform) -> Result:
    answers: dict[int, Answer] = dict(asked.faulty)
    ordered = sorted(asked.entries, key=lambda one: one.order)
    work, room = context.work, Room()
    work.expect(len(ordered))

    def answered(entry: Entry) -> Answer:
        return work.part(entry.place, lambda: room.attempted(context, entry, perform))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _, entries in groupby(ordered, key=lambda one: one.method):
            alike = list(entries)
            done = pool.map(answered, alike)
            answers |= zip((one.place for one in alike), done, strict=True)
    reads = frozenset(one.place for one in ordered if one.is_read)
    return Answers(asked.type, answers, reads, asked.asked).result(context)
