"""What one entry of a transaction that writes comes to, once it is known what it is about.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import Mapping
from dataclasses import dataclass

from server.context import Context
from server.fhir.outcome import Conflict, Forbidden
from server.interactions import binary, kept_consents, patch, redaction, shipped
from server.interactions.drafting import Drafting
from server.interactions.entries import Entry
from server.interactions.identities import Identity
from server.interactions.records import Records
from server.interactions.update import check_match, unchanged
from server.store.documents import Draft, Version
from server.store.transactions import Transaction, Write


@dataclass(frozen=True, slots=True)
class Done:
    """What an entry comes to: the version it made or kept, and the status that tells of it.

    `made` tells that the version is one that is still to be stored, by its type and id.
    """

    status: int
    version: Version | None = None
    made: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an entry: the resource that it is about, and what is to be stored as that.

    `old` are the versions that the caller may change, by type and id.
    """

    transaction: Transaction
    identity: Identity | None
    new: Draft | None
    old: Mapping[tuple[str, str], Version]


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decides on the entries of one transaction; `changes` are the patches by place."""

    context: Context
    changes: Mapping[int, patch.Change]
    drafting: Drafting
    records: Records

    def of(self, entry: Entry, known: Known) -> tuple[Done, Write | None]:
        """Return what `entry` comes to, and what is to be written for it, if anything is.

        Raises the refusal of what it asks for.
        """
        identity, new = known.identity, known.new
        key = ("", "") if identity is None else (identity.type, identity.id)
        if entry.call.interaction == "patch":
            return self._patch(entry, known.transaction, known.old.get(key))
        if identity is None:
            if entry.call.if_match is not None:
                check_match(entry.call, None)
            return Done(204), None
        if entry.call.interaction == "create":
            return _created(identity, new)
        there = known.old.get(key)
        if identity.found is not None and there is None:
            return self._unreachable(entry, identity.found, new)
        if entry.call.interaction == "delete":
            return self._delete(entry, there)
        if new is None:
            raise ValueError(entry.place)
        if entry.call.id is None and identity.found is None and there and there.body is not None:
            # The criteria were not about it, so nobody has asked to replace it.
            raise Conflict.because("resource-exists", type=new.type, id=new.id)
        return self._update(entry, new, there)

    def _unreachable(
        self, entry: Entry, found: Version, new: Draft | None
    ) -> tuple[Done, Write | None]:
        """Return that nothing is to be done, if who may not change `found` says the same again."""
        if entry.is_told_apart and new is not None and unchanged(self.context, found, new):
            return Done(200, found), None
        raise Forbidden.because("content-forbidden", type=found.type)

    def _update(self, entry: Entry, new: Draft, old: Version | None) -> tuple[Done, Write | None]:
        context = self.context
        redaction.require_whole(context, new.type, (old and old.body) or b"")
        check_match(entry.call, old)
        key = (new.type, new.id)
        if old is None:
            if entry.call.id is not None or entry.given_id is not None:
                context.access.require_own_ids(new.type, new.id)
            return Done(201, made=key), Write(new.type, new, letter=entry.letter)
        kept_consents.check_stored(context.access, old)
        binary.check_kept(entry.call, old)
        if unchanged(context, old, new):
            return Done(200, old), None
        status = 201 if old.body is None else 200
        return Done(status, made=key), Write(new.type, new, old)

    def _patch(
        self, entry: Entry, transaction: Transaction, old: Version | None
    ) -> tuple[Done, Write | None]:
        made = patch.made(self.context, entry.call, self.changes[entry.place], old)
        made = self.records.patched(transaction, entry, made)
        new = self.drafting.patched(entry, made)
        if patch.settles(self.context, made, new):
            return Done(200, made.old), None
        return Done(200, made=(new.type, new.id)), Write(new.type, new, made.old)

    def _delete(self, entry: Entry, old: Version | None) -> tuple[Done, Write | None]:
        if old is None or old.body is None:
            if entry.call.if_match is not None:
                check_match(entry.call, None)
            return Done(204, old), None
        check_match(entry.call, old)
        kept_consents.check_stored(self.context.access, old)
        shipped.check(self.context, old.type, old.id)
        return Done(204, made=(old.type, old.id)), Write(old.type, None, old, "d")


def _created(identity: Identity, new: Draft | None) -> tuple[Done, Write | None]:
    if identity.found is not None:
        return Done(200, identity.found), None
    key = (identity.type, identity.id)
    return Done(201, made=key), None if new is None else Write(identity.type, new, letter="c")
