"""A transaction: all entries of a Bundle are done, or none is.

What is wrong with an entry in itself is refused before the database is asked. The rest is one
database transaction, which begins anew whenever somebody else has changed what it has read. What
the entries read is read behind it, so that it shows what was written.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from server.context import Context, Note
from server.fhir.outcome import Conflict, FhirError, Forbidden, Gone, NotFound, Unprocessable
from server.interactions import (
    binary,
    kept_consents,
    notes,
    parameters,
    patch,
    provenance,
    redaction,
    shipped,
)
from server.interactions.answers import Answer, Answers, Perform, Room
from server.interactions.call import Disclosed, Result
from server.interactions.delete import deleted
from server.interactions.drafting import Drafting
from server.interactions.entries import Bundle, Entry, placed
from server.interactions.identities import Identified, Identities, Identity
from server.interactions.provenance import Origin
from server.interactions.update import check_match, unchanged
from server.interactions.writing import no_parameters, written
from server.store.documents import Draft, Version
from server.store.transactions import Transaction, Write


@dataclass(frozen=True, slots=True)
class _Done:
    """What an entry comes to: the version it made or kept, and the status that tells of it.

    `made` tells that the version is one that is still to be stored, by its type and id.
    """

    status: int
    version: Version | None = None
    made: tuple[str, str] | None = None


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
    for entry in reads:
        with placed(entry.place):
            _check_read(context, entry)
    writes = [one for one in ordered if not one.is_read]
    writing = Writing(context, writes, origin)
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
    """The entries of one transaction that write, and where what they write comes from."""

    def __init__(
        self, context: Context, entries: Sequence[Entry], origin: Origin | None = None
    ) -> None:
        self._context = context
        self._entries = entries
        self._changes: dict[int, patch.Change] = {}
        self._origin = origin
        self.told: tuple[Disclosed, ...] = ()
        """What was written beside what the entries write: where that comes from."""
        for entry in entries:
            with placed(entry.place):
                _check_write(context, entry)
                call = entry.call
                if call.interaction == "patch":
                    self._changes[entry.place] = patch.read(context, call.content_type, call.body)
        self._identities = Identities(context, entries)
        self._drafting = Drafting(context, entries)

    def run(self) -> dict[int, Result]:
        """Return the answers by place, when all is stored."""
        if not self._entries:
            return {}
        types = {one.call.resource_type for one in self._entries}
        if self._origin is not None:
            types.add(provenance.TYPE)
        done = self._context.work.once(partial(self._stored, types), self._recalled)
        parameters.stored(self._context, types)
        return {entry.place: self._answer(entry, done[entry.place]) for entry in self._entries}

    def _stored(self, types: Collection[str], note: Note) -> dict[int, _Done]:
        """Return what the entries came to, all stored; `note` takes what tells it once more."""
        # What is at fault is found before the transaction begins, which then is short.
        self._drafting.of(self._context.resources.look(self._identities.find))

        def attempt(transaction: Transaction) -> dict[int, _Done]:
            done = self._attempt(transaction)
            outcomes = {place: (one.status, one.version) for place, one in done.items()}
            note(notes.noted(outcomes, self.told))
            return done

        return self._context.resources.transaction(types, attempt)

    def _recalled(self, note: bytes) -> dict[int, _Done]:
        outcomes, self.told = notes.recalled(self._context, note)
        return {place: _Done(status, version) for place, (status, version) in outcomes.items()}

    def _attempt(self, transaction: Transaction) -> dict[int, _Done]:
        transaction.claim(self._identities.claims)
        identified = self._identities.find(transaction)
        drafts = self._drafting.of(identified)
        old = self._old(transaction, identified)
        done: dict[int, _Done] = {}
        writes: dict[tuple[str, str], Write] = {}
        places: dict[tuple[str, str], int] = {}
        for entry in self._entries:
            with placed(entry.place):
                identity = identified.entries.get(entry.place)
                outcome, write = self._one(entry, identity, drafts.get(entry.place), old)
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

    def _one(
        self,
        entry: Entry,
        identity: Identity | None,
        new: Draft | None,
        old: Mapping[tuple[str, str], Version],
    ) -> tuple[_Done, Write | None]:
        key = ("", "") if identity is None else (identity.type, identity.id)
        if entry.call.interaction == "patch":
            return self._patch(entry, old.get(key))
        if identity is None:
            if entry.call.if_match is not None:
                check_match(entry.call, None)
            return _Done(204), None
        if entry.call.interaction == "create":
            return _created(identity, new)
        there = old.get(key)
        if identity.found is not None and there is None:
            raise Forbidden.because("content-forbidden", type=identity.type)
        if entry.call.interaction == "delete":
            return self._delete(entry, there)
        if new is None:
            raise ValueError(entry.place)
        if entry.call.id is None and identity.found is None and there and there.body is not None:
            # The criteria were not about it, so nobody has asked to replace it.
            raise Conflict.because("resource-exists", type=new.type, id=new.id)
        return self._update(entry, new, there)

    def _update(self, entry: Entry, new: Draft, old: Version | None) -> tuple[_Done, Write | None]:
        context = self._context
        redaction.require_whole(context, new.type, (old and old.body) or b"")
        check_match(entry.call, old)
        key = (new.type, new.id)
        if old is None:
            if entry.call.id is not None or entry.given_id is not None:
                context.access.require_own_ids(new.type, new.id)
            return _Done(201, made=key), Write(new.type, new)
        kept_consents.check_stored(context.access, old)
        binary.check_kept(entry.call, old)
        if unchanged(context, old, new):
            return _Done(200, old), None
        status = 201 if old.body is None else 200
        return _Done(status, made=key), Write(new.type, new, old)

    def _patch(self, entry: Entry, old: Version | None) -> tuple[_Done, Write | None]:
        made = patch.made(self._context, entry.call, self._changes[entry.place], old)
        new = self._drafting.patched(entry, made)
        if patch.settles(self._context, made, new):
            return _Done(200, made.old), None
        return _Done(200, made=(new.type, new.id)), Write(new.type, new, made.old)

    def _delete(self, entry: Entry, old: Version | None) -> tuple[_Done, Write | None]:
        if old is None or old.body is None:
            if entry.call.if_match is not None:
                check_match(entry.call, None)
            return _Done(204, old), None
        check_match(entry.call, old)
        kept_consents.check_stored(self._context.access, old)
        shipped.check(self._context, old.type, old.id)
        return _Done(204, made=(old.type, old.id)), Write(old.type, None, old, "d")

    def _answer(self, entry: Entry, done: _Done) -> Result:
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


def _created(identity: Identity, new: Draft | None) -> tuple[_Done, Write | None]:
    if identity.found is not None:
        return _Done(200, identity.found), None
    key = (identity.type, identity.id)
    return _Done(201, made=key), None if new is None else Write(identity.type, new, letter="c")
