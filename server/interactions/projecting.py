"""What a record comes to, stored in the same transaction as the record itself.

What is new is created, what has changed gets its next version, and what the record no longer says
is entered in error: its id and its history stay, for others may refer to it. The same is done with
all of it when the record is cancelled or deleted, or when nobody knows any more whom it is about.
A Provenance tells of which version of the record all that comes; the resources that it names are
those that are looked after when the record changes.

Spec: https://hl7.org/fhir/R4/provenance.html, https://hl7.org/fhir/R4/lifecycle.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.error_entries import ENTERED_IN_ERROR
from server.fhir.outcome import Unprocessable
from server.interactions import reviews
from server.interactions.belonging import Said
from server.interactions.institutions import institution
from server.interactions.residents import ELEMENT, Resolution
from server.interactions.update import unchanged
from server.interactions.writing import draft
from server.mappings.projection import Projection
from server.store.documents import Draft, Version
from server.store.transactions import Transaction, Write

_PROVENANCE, _PROVENANCE_ROLE = "Provenance", "provenance"
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_Key = tuple[str, str]
Found = Mapping[_Key, Version]


@dataclass(frozen=True, slots=True)
class Change:
    """A record that was written: its version `made`, over `old` if it was there.

    `resolution` says whom it is about; None if that was not asked, for it was deleted.
    """

    made: Version
    old: Version | None
    resolution: Resolution | None
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Projecting:
    """Stores what records of one type come to, in the context `own` of the server itself.

    `said` is what has been read of the patients that they are about.
    """

    own: Context
    projection: Projection
    said: Said

    @staticmethod
    def types_of(projection: Projection) -> frozenset[str]:
        """Return the types of what records may come to."""
        return projection.types | {_PROVENANCE, reviews.TYPE, "Patient"}

    def write(self, transaction: Transaction, changes: Sequence[Change]) -> list[Version]:
        """Return what was written of what `changes` come to.

        Raises Unprocessable if a record cannot be told in the profiles that it has to be told in.
        """
        own = transaction.seen_by(self.own.access.visibility)
        new = {
            one.resolution.new.id: one.resolution.new
            for one in changes
            if one.resolution is not None and one.resolution.new is not None
        }
        writes = [Write(each.type, each, letter="c") for each in new.values()]
        for change in changes:
            writes += self._of(own, change)
        return own.write(writes)

    def _of(self, own: Transaction, change: Change) -> Iterator[Write]:
        record = json.exact(change.made.body) if change.made.body is not None else None
        wanted = dict(self._wanted(change, record))
        found = self._found(own, change, wanted)
        targets = list(wanted)
        for key, new in wanted.items():
            yield from self._put(key, new, found.get(key))
        for key in self._named(found, change):
            if key not in wanted and key in found:
                targets.append(key)
                yield from self._retract(key, found[key], change)
        yield from self._review(change, record, found)
        if targets:
            key = (_PROVENANCE, self._id(change, _PROVENANCE_ROLE))
            told = self._provenance(change, record, targets)
            yield from self._put(key, self._drafted(key, told, change), found.get(key))

    def _wanted(
        self, change: Change, record: Mapping[str, Any] | None
    ) -> Iterator[tuple[_Key, Draft]]:
        if record is None or ELEMENT not in record or record.get("status") == ENTERED_IN_ERROR:
            return
        told = {**record, "institution": institution(record)}
        base_url = self.own.interpreters.settings.base_url
        for one in self.projection.project(told, f"{base_url}/{change.made.type}/{record['id']}"):
            key = (one.type, one.id)
            try:
                yield key, self._drafted(key, one.resource, change)
            except Unprocessable as refusal:
                issues = (
                    replace(each, expression=self.projection.origin(one, each.expression or ""))
                    for each in refusal.issues
                )
                raise Unprocessable(*issues) from refusal

    def _found(self, own: Transaction, change: Change, wanted: Iterable[_Key]) -> Found:
        """Return what there is of all that may be written for one record."""
        if change.old is None:
            return {}
        known = self._versions(
            own,
            [
                (_PROVENANCE, self._id(change, _PROVENANCE_ROLE)),
                (reviews.TYPE, self._id(change, reviews.ROLE)),
            ],
        )
        return {**known, **self._versions(own, [*wanted, *self._named(known, change)])}

    def _versions(self, own: Transaction, keys: Iterable[_Key]) -> Found:
        by_type: dict[str, set[str]] = {}
        for type, id in keys:
            by_type.setdefault(type, set()).add(id)
        return {
            (type, id): version
            for type, ids in sorted(by_type.items())
            for id, version in own.versions(type, ids, "u").items()
        }

    def _named(self, found: Found, change: Change) -> list[_Key]:
        """Return what the record has come to before, as the Provenance of that names it."""
        before = found.get((_PROVENANCE, self._id(change, _PROVENANCE_ROLE)))
        if before is None or before.body is None:
            return []
        named = (one["reference"] for one in orjson.loads(before.body)["target"])
        return [(type, id) for type, _, id in (one.partition("/") for one in named)]

    def _put(self, key: _Key, new: Draft, old: Version | None) -> Iterator[Write]:
        if old is None:
            yield Write(key[0], new, letter="c")
        elif not unchanged(self.own, old, new):
            yield Write(key[0], new, old)

    def _retract(self, key: _Key, old: Version, change: Change) -> Iterator[Write]:
        if old.body is None:
            return
        told = self.projection.retracted(key[0], json.exact(old.body))
        yield from self._put(key, self._drafted(key, told, change), old)

    def _review(
        self, change: Change, record: Mapping[str, Any] | None, found: Found
    ) -> Iterator[Write]:
        key = (reviews.TYPE, self._id(change, reviews.ROLE))
        old, now = found.get(key), self._now()
        is_live = record is not None and record.get("status") != ENTERED_IN_ERROR
        if record is not None and is_live and change.resolution and ELEMENT not in record:
            before = {"authoredOn": now}
            if old is not None and old.body is not None and reviews.is_open(old):
                before = json.exact(old.body)
            task = reviews.opened(record, change.resolution, key[1], before)
        elif old is not None and old.body is not None and reviews.is_open(old):
            task = reviews.settled(json.exact(old.body), record if is_live else None, now)
        else:
            return
        yield from self._put(key, self._drafted(key, task, change), old)

    def _provenance(
        self, change: Change, record: Mapping[str, Any] | None, targets: Sequence[_Key]
    ) -> dict[str, Any]:
        made = change.made
        source = (
            record if record is not None else json.exact((change.old and change.old.body) or b"{}")
        )
        is_cancelled = record is None or record.get("status") == ENTERED_IN_ERROR
        code = "NULLIFY" if is_cancelled else "CREATE" if change.old is None else "UPDATE"
        return {
            "resourceType": _PROVENANCE,
            "id": self._id(change, _PROVENANCE_ROLE),
            "target": [{"reference": f"{type}/{id}"} for type, id in targets],
            "recorded": self._now(),
            "activity": {"coding": [{"system": _OPERATION, "code": code}]},
            "agent": self._agents(source),
            "entity": [
                {
                    "role": "source",
                    "what": {"reference": f"{made.type}/{made.id}/_history/{made.version}"},
                }
            ],
        }

    def _agents(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return who made what the record says, and what software has sent it."""
        agents = [{"type": _participant("author"), "who": institution(record)}]
        client = self.own.access.caller.client
        if client.reference is not None:
            who = {"identifier": {"value": client.reference}, "display": client.name}
            sent = {name: one for name, one in who.items() if one is not None}
            agents.append({"type": _participant("transmitter"), "who": sent})
        return agents

    def _drafted(self, key: _Key, told: Mapping[str, Any], change: Change) -> Draft:
        body = json.dumps(told)
        new = draft(self.own, *key, orjson.loads(body), body, said=self.said)
        return replace(new, defaults=change.defaults)

    def _id(self, change: Change, role: str) -> str:
        return self.projection.id(change.made.id, role)

    def _now(self) -> str:
        return json.instant(self.own.services.store.now(), self.own.interpreters.zone)


def _participant(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _PARTICIPANT, "code": code}]}
