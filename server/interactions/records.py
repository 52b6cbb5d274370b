"""The records in a transaction: of which visit, about whom, and what they come to.

A record is an instance of a type that ``mappings/`` has a projection for. What one comes to is
stored by the server, in the transaction of whoever sends the record.

Spec: mappings/EncounterRecord/README.md; https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Conflict, Unprocessable
from server.interactions import visits
from server.interactions.belonging import Said
from server.interactions.entries import ALONE, Entry, linked, placed
from server.interactions.identities import Identified
from server.interactions.institutions import TYPE as ORGANIZATION
from server.interactions.institutions import Institutions, Others
from server.interactions.patch import Made
from server.interactions.platform import platform
from server.interactions.projecting import Change, Projecting
from server.interactions.residents import Asked, Residents, Resolution
from server.store.documents import Version
from server.store.transactions import Transaction, Write

Decided = Mapping[str, str]
"""Patients that somebody has decided on, by the id of the record that is about them."""


@dataclass(frozen=True, slots=True)
class Written:
    """One write of an entry, and the version that it made."""

    place: int
    write: Write
    made: Version


class Records:
    """The records among `entries`, which then tell which visit they are of.

    `own` is the context of the server itself, which finds what the caller may not see; that of the
    caller where there is no record.
    """

    def __init__(self, context: Context, entries: Sequence[Entry], decided: Decided) -> None:
        known = context.interpreters.projections
        self._places = {one.place for one in entries if one.call.type in known}
        self.own = platform(context) if self._places else context
        self.institutions = Institutions(self.own)
        self._residents = Residents(self.institutions, decided)
        others = self._institutions(entries) if self._places else {}
        self.entries: list[Entry] = []
        for one in entries:
            with placed(one.place):
                self.entries.append(self._told(one, others) if one.place in self._places else one)
        self._mine = [one for one in self.entries if one.place in self._places]
        self._patched: dict[int, Resolution] = {}
        self._visits: dict[str, str] = {}

    def _institutions(self, entries: Sequence[Entry]) -> Others:
        """Return the Organizations among `entries` that others may refer to."""
        found = linked(entries, ORGANIZATION)
        for one in found.values():
            with placed(one.place):
                self._check_form(one)
        return {url: one.resource for url, one in found.items()}

    def _told(self, entry: Entry, others: Others) -> Entry:
        self._check_form(entry)
        return visits.told_apart(self.institutions, entry, others)

    def _check_form(self, entry: Entry) -> None:
        """Raise Unprocessable if the resource of `entry` has not the form of its type.

        Whatever a Bundle has is read only behind that.
        """
        if entry.place == ALONE or entry.call.interaction not in ("create", "update"):
            return
        faults = self.own.interpreters.structure.faults(entry.resource)
        if faults:
            raise Unprocessable(*faults)

    @property
    def are_all(self) -> bool:
        """Tell whether all entries are records."""
        return len(self._mine) == len(self.entries)

    @property
    def types(self) -> frozenset[str]:
        """Return the types of what records may come to."""
        known = self.own.interpreters.projections
        return frozenset().union(
            *(Projecting.types_of(known[one.call.resource_type]) for one in self._mine)
        )

    @property
    def claims(self) -> frozenset[str]:
        """Return the names under which writers of one visit or resident exclude each other."""
        found = {one.same.claim for one in self._mine if one.same is not None}
        for one in self._mine:
            if one.same is not None:
                found |= self._residents.claims(one.resource)
        return frozenset(found)

    def find(self, transaction: Transaction, identified: Identified) -> Identified:
        """Return what is `identified`, and whom each record is about, as `transaction` sees it.

        Raises Conflict if there is another record of the same visit.
        """
        self._visits.clear()
        if not self._places:
            return identified
        patients = {one.reference for one in identified.entries.values() if one.type == "Patient"}
        own = transaction.seen_by(self.own.access.visibility)
        old = self._old(own, identified)
        asked: dict[int, Asked] = {}
        for entry in self._mine:
            identity = identified.entries.get(entry.place)
            if identity is None or entry.same is None:
                continue
            with placed(entry.place):
                self._check_alone(own, entry, identity.id)
            record = self._linked(entry, identified)
            asked[entry.place] = Asked(record, old.get((identity.type, identity.id)))
        found = self._residents.find(transaction, list(asked.values()), patients)
        return replace(identified, residents=dict(zip(asked, found, strict=True)))

    def _old(self, own: Transaction, identified: Identified) -> dict[tuple[str, str], Version]:
        """Return the records that are there of those that are to be stored."""
        ids: dict[str, set[str]] = {}
        for entry in self._mine:
            identity = identified.entries.get(entry.place)
            if identity is not None and (identity.found is not None or not entry.is_told_apart):
                ids.setdefault(identity.type, set()).add(identity.id)
        return {
            (type, id): version
            for type, some in ids.items()
            for id, version in own.versions(type, some, "u").items()
        }

    def patched(self, transaction: Transaction, entry: Entry, made: Made) -> Made:
        """Return what a patch has `made`, with whom it is about if it is a record.

        Only now is it known of which visit and about whom that is, so both are claimed here.
        """
        if entry.place not in self._places:
            return made
        record = orjson.loads(made.body)
        if self.own.interpreters.structure.faults(record):
            return made  # which is refused
        record, body = visits.told(self.institutions, record, made.body, {})
        own = transaction.seen_by(self.own.access.visibility)
        same = visits.criteria(self.institutions, record, {})
        transaction.claim({same.claim} | self._residents.claims(record))
        self._check_alone(own, replace(entry, same=same, resource=record), made.old.id)
        (found,) = self._residents.find(transaction, [Asked(record, made.old)])
        self._patched[entry.place] = found
        return replace(made, body=found.told(body))

    def write(
        self,
        transaction: Transaction,
        written: Sequence[Written],
        identified: Identified,
        said: Said,
    ) -> list[Version]:
        """Return what was written of what the records among `written` come to.

        `said` is what has been read of the patients that they are about.
        """
        made: list[Version] = []
        found = {**identified.residents, **self._patched}
        for type, projection in self.own.interpreters.projections.items():
            changes = [
                Change(
                    one.made,
                    one.write.old,
                    found.get(one.place),
                    {} if one.write.draft is None else one.write.draft.defaults,
                )
                for one in written
                if one.write.type == type
            ]
            if changes:
                made += Projecting(self.own, projection, said).write(transaction, changes)
        return made

    def _check_alone(self, own: Transaction, entry: Entry, id: str) -> None:
        """Raise Conflict if another record than `id` is of the same visit, or is to be."""
        if entry.same is None:
            return
        others = {self._visits.setdefault(entry.same.claim, id)}
        if not entry.is_told_apart:
            found = own.matching(entry.call.resource_type, [entry.same.condition])[0]
            others |= {one.id for one in found}
        if others != {id}:
            number = str(entry.resource.get("visitNumber"))[:60]
            raise Conflict.because("record-of-visit-exists", number=number)

    def _linked(self, entry: Entry, identified: Identified) -> json.Resource:
        """Return the record of `entry`, whose patient is referred to as that will be stored."""
        record = entry.resource
        text = record.get("patient", {}).get("reference")
        meant = identified.references.get(text)
        for other in self.entries:
            if other.full_url == text and other.place in identified.entries:
                meant = identified.entries[other.place].reference
        if meant is None:
            return record
        return {**record, "patient": {**record["patient"], "reference": meant}}
