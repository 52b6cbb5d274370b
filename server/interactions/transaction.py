"""A transaction: all entries of a Bundle are done, or none is.

What is wrong with an entry in itself is refused before the database is asked. The rest is one
database transaction, which begins anew whenever somebody else has changed what it has read. What
the entries read is read behind it, so that it shows what was written.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import orjson

from server.context import Context, Note
from server.fhir.outcome import FhirError, Gone, NotFound, Unprocessable
from server.interactions import (
    notes,
    parameters,
    patch,
    provenance,
)
from server.interactions.answers import Answer, Answers, Perform, Room
from server.interactions.call import Disclosed, Result
from server.interactions.deciding import Deciding, Done, Known
from server.interactions.delete import deleted
from server.interactions.drafting import Drafting
from server.interactions.entries import Bundle, Entry, placed
from server.interactions.identities import Identified, Identities
from server.interactions.provenance import Origin
from server.interactions.quality import counting
from server.interactions.quality.measuring import Outcome
from server.interactions.records import Decided, Records, Written
from server.interactions.writing import no_parameters, written
from server.store.documents import Version
from server.store.transactions import Transaction, Write


def transaction(
    context: Context, bundle: Bundle, perform: Perform, origin: Origin | None = None
) -> Result:
    """Do all entries of `bundle`; those that read by `perform`, when the others are stored.

    They are tried before as well, so that one which cannot be answered undoes the whole. With an
    `origin`, what it tells of all that was written is stored as well.

    Raises the refusal of the first entry at fault, with nothing stored; Conflict if others kept
    changing the same.
    """
    if bundle.faulty:
        first, *_ = bundle.faulty.values()
        issues = (issue for one in bundle.faulty.values() for issue in one.issues)
        raise type(first)(*issues, headers=first.headers)
    ordered = sorted(bundle.entries, key=lambda one: one.order)
    reads = [one for one in ordered if one.is_read]
    writes = [one for one in ordered if not one.is_read]
    # Who may not write learns nothing else, and nothing is counted of what they send.
    writing = Writing(context, writes, origin)
    for entry in reads:
        with placed(entry.place):
            _check_read(context, entry)
    answers: dict[int, Answer] = {**_tried(context, reads, writes, perform), **writing.run()}
    room = Room()
    for entry in reads if writes else ():
        answers[entry.place] = room.attempted(context, entry, perform)
    read = frozenset(one.place for one in reads)
    return Answers(bundle.type, answers, read, bundle.asked, writing.told).result(context)


def _tried(
    context: Context, reads: Sequence[Entry], writes: Sequence[Entry], perform: Perform
) -> dict[int, Answer]:
    """Return the answers to `reads` as they are before `writes`, but for what those are about.

    Raises the first refusal among them.
    """
    written = {(one.call.type, one.call.id): one for one in writes if one.call.id is not None}
    room, answers = Room(), dict[int, Answer]()
    for entry in reads:
        write = written.get((entry.call.type, entry.call.id or ""))
        if write is None:
            answer = room.attempted(context, entry, perform)
            if isinstance(answer, FhirError):
                raise answer
            answers[entry.place] = answer
        elif write.call.interaction == "delete" and entry.call.interaction == "read":
            with placed(entry.place):
                raise Gone.because("resource-deleted", type=write.call.type, id=write.call.id)
    return answers


def _check_read(context: Context, entry: Entry) -> None:
    call = entry.call
    if call.interaction != "operation":
        context.access.require(call.interaction, call.type)
        return
    known = context.interpreters.operations.find(call.operation or "", call.type, call.id)
    if known is None:
        unknown = {"operation": (call.operation or "")[:40], "type": call.type or "*"}
        raise NotFound.because("operation-unknown", **unknown)
    if known.affects_state:
        raise Unprocessable.because("entry-not-in-transaction", operation=call.operation)


class Writing:
    """The entries of one transaction that write, and where what they write comes from.

    `count` takes what became of each record, when all is stored.
    """

    def __init__(
        self,
        context: Context,
        entries: Sequence[Entry],
        origin: Origin | None = None,
        decided: Decided | None = None,
        count: Callable[[Context, Iterable[Outcome]], None] = counting.count,
    ) -> None:
        self._context = context
        self._count = count
        self._changes: dict[int, patch.Change] = {}
        self._origin = origin
        self.told: tuple[Disclosed, ...] = ()
        """What was written beside what the entries write: where that comes from, and what records
        come to."""
        for entry in entries:
            with placed(entry.place):
                _check_write(context, entry)
        for entry in entries:
            call = entry.call
            if call.interaction == "patch":
                with placed(entry.place):
                    self._changes[entry.place] = patch.read(context, call.content_type, call.body)
        self._records = Records(context, entries, decided or {})
        self._entries = self._records.entries
        own = self._records.own.access.visibility
        self._identities = Identities(context, self._entries, own)
        self._drafting = Drafting(context, self._entries)
        self._deciding = Deciding(context, self._changes, self._drafting, self._records)

    def run(self) -> dict[int, Result]:
        """Return the answers by place, when all is stored."""
        if not self._entries:
            return {}
        types = {one.call.resource_type for one in self._entries} | self._records.types
        if self._origin is not None:
            types.add(provenance.TYPE)
        done = self._context.work.once(partial(self._stored, types), self._recalled)
        parameters.stored(self._context, types)
        self._count(self._context, self._outcomes(done))
        return {entry.place: self._answer(entry, done[entry.place]) for entry in self._entries}

    def _outcomes(self, done: Mapping[int, Done]) -> Iterator[Outcome]:
        """Yield what became of each record that was taken."""
        for entry in self._entries:
            if counting.submits(entry.call):
                one = done[entry.place]
                fate = "new" if one.status == 201 else "changed" if one.made else "same"
                # What is stored says which Organization the institution is.
                stored = one.version.body if one.version is not None else None
                yield Outcome(fate, orjson.loads(stored) if stored else entry.resource)

    def _stored(self, types: Collection[str], note: Note) -> dict[int, Done]:
        """Return what the entries came to, all stored; `note` takes what tells it once more."""
        if len(self._entries) > 1 and not self._records.are_all:
            # What is at fault is found before the transaction begins, which then is short. What
            # records come to is made within it anyway.
            self._drafting.of(self._context.resources.look(self._identified))

        def attempt(transaction: Transaction) -> dict[int, Done]:
            done = self._attempt(transaction)
            outcomes = {place: (one.status, one.version) for place, one in done.items()}
            note(notes.noted(outcomes, self.told))
            return done

        return self._context.resources.transaction(types, attempt)

    def _recalled(self, note: bytes) -> dict[int, Done]:
        outcomes, self.told = notes.recalled(self._context, note)
        return {place: Done(status, version) for place, (status, version) in outcomes.items()}

    def _identified(self, transaction: Transaction) -> Identified:
        return self._records.find(transaction, self._identities.find(transaction))

    def _attempt(self, transaction: Transaction) -> dict[int, Done]:
        transaction.claim(self._identities.claims | self._records.claims)
        identified = self._identified(transaction)
        drafts = self._drafting.of(identified)
        old = self._old(transaction, identified)
        done: dict[int, Done] = {}
        writes: dict[tuple[str, str], Write] = {}
        places: dict[tuple[str, str], int] = {}
        for entry in self._entries:
            with placed(entry.place):
                identity = identified.entries.get(entry.place)
                known = Known(transaction, identity, drafts.get(entry.place), old)
                outcome, write = self._deciding.of(entry, known)
            if outcome.made in writes:
                # A second create with the same criteria finds what the first one has made.
                outcome = replace(outcome, status=200)
            elif write is not None:
                writes[write.type, write.id] = write
                places[write.type, write.id] = entry.place
            done[entry.place] = outcome
        written = transaction.write(writes.values(), lambda one: placed(places[one.type, one.id]))
        made = {(one.type, one.id): one for one in written}
        self._tell(transaction, [made[one] for one in writes])
        records = [Written(places[key], writes[key], made[key]) for key in writes]
        projected = self._records.write(transaction, records, identified, self._drafting.said)
        self.told += tuple(Disclosed.of(one) for one in projected)
        return {
            place: replace(one, version=made[one.made]) if one.made else one
            for place, one in done.items()
        }

    def _tell(self, transaction: Transaction, made: Sequence[Version]) -> None:
        """Store where the versions `made` come from, if that has been said."""
        self.told = ()
        if self._origin is not None and made:
            new = self._origin.draft(self._context, made, self._drafting.said)
            stored = transaction.write([Write(new.type, new, letter="c")])
            self.told = tuple(Disclosed.of(one) for one in stored)

    def _old(
        self, transaction: Transaction, identified: Identified
    ) -> dict[tuple[str, str], Version]:
        """Return the versions that are there of what is updated or deleted."""
        wanted: dict[tuple[str, str], set[str]] = {}
        for entry in self._entries:
            identity = identified.entries.get(entry.place)
            if identity is not None and entry.call.interaction != "create":
                letter = "d" if entry.call.interaction == "delete" else "u"
                wanted.setdefault((identity.type, letter), set()).add(identity.id)
        return {
            (type, id): version
            for type, letter in sorted(wanted)
            for id, version in transaction.versions(type, wanted[type, letter], letter).items()
        }

    def _answer(self, entry: Entry, done: Done) -> Result:
        if entry.call.interaction == "delete":
            return deleted(entry.call, done.version)
        if done.version is None:
            raise ValueError(entry.place)
        return written(self._context, entry.call, done.version, done.status)


def _check_write(context: Context, entry: Entry) -> None:
    call = entry.call
    context.access.require(call.interaction, call.type)
    if call.interaction == "create" or call.id is not None:
        no_parameters(call)
