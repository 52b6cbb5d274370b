"""What the entries of a transaction are to be stored as, once it is known what they are about.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest
from server.interactions import identities
from server.interactions.belonging import Said
from server.interactions.entries import ALONE, Entry, placed
from server.interactions.identities import Identified, Identity
from server.interactions.patch import Made
from server.interactions.update import check_match
from server.interactions.writing import checked, draft
from server.profiles.links import conditional
from server.store.documents import Draft

_PATIENT = re.compile(rb'"(Patient/[A-Za-z0-9\-.]{1,64})"').findall
_PLACEHOLDERS = re.compile(rb'"reference":"(urn:(?:uuid|oid):[^"]*)"').findall
_FULL_URLS = re.compile(rb'"fullUrl":"([^"\\]*)"').findall


class Drafting:
    """Makes the drafts of `entries`, with the links between them replaced."""

    def __init__(self, context: Context, entries: Sequence[Entry]) -> None:
        self._context = context
        self._entries = entries
        self._drafted: tuple[Identified, dict[int, Draft]] | None = None
        self._links: Mapping[str | None, Mapping[str, str]] = {None: {}}
        self.said: Said = {}
        """What has been read of the patients that the drafts may be about."""

    def of(self, identified: Identified) -> dict[int, Draft]:
        """Return the drafts by place, made anew only if entries turn out to be about others.

        Raises the refusal of the first entry whose resource is at fault.
        """
        if self._drafted is not None and self._drafted[0] == identified:
            return self._drafted[1]
        wanted = [one for one in self._entries if _is_stored(one, identified.entries)]
        self._links = identities.targets(self._entries, identified)
        bodies = {one.place: self._told(one, identified) for one in wanted}
        self.said = said = dict(self._said(wanted, bodies.values(), identified))
        said |= {
            f"{one.new.type}/{one.new.id}": _says(one.new)
            for one in identified.residents.values()
            if one.new is not None
        }
        drafts: dict[int, Draft] = {}
        for entry in sorted(wanted, key=lambda one: one.call.type != "Patient"):
            with placed(entry.place):
                identity = identified.entries[entry.place]
                new = _draft(self._context, entry, bodies[entry.place], identity, said)
            drafts[entry.place] = new
            if new.type == "Patient":
                said[identity.reference] = {**said[identity.reference], **_says(new)}
        self._drafted = identified, drafts
        return drafts

    def patched(self, entry: Entry, made: Made) -> Draft:
        """Return the draft of what the patch in `entry` has `made`, behind that of all others."""
        body = self._linked(entry, made.body)
        left = None if entry.place == ALONE else next(conditional(body), None)
        if left is not None:
            raise BadRequest.because("reference-unresolved", reference=left[:200])
        call = replace(entry.call, id=made.old.id)
        patched = replace(entry, call=call)
        identity = Identity(made.old.type, made.old.id)
        return _draft(self._context, patched, body, identity, self.said)

    def _told(self, entry: Entry, identified: Identified) -> bytes:
        """Return the resource of `entry`, its links replaced; of a record, with its resident."""
        body = self._linked(entry, entry.call.body)
        found = identified.residents.get(entry.place)
        return body if found is None else found.told(body)

    def _linked(self, entry: Entry, body: bytes) -> bytes:
        """Return the resource `body` of `entry` with its links to others replaced.

        Those between the entries of a Bundle that is stored as a resource stay: they are its own.
        Raises BadRequest if one is left that could mean nothing else.
        """
        if entry.place == ALONE:
            return body
        own = frozenset(_FULL_URLS(json.spelled_plainly(body)))
        targets = self._links.get(identities.base_of(entry), self._links[None])
        if own:
            targets = _without(self._links[None], own)
        linked = self._context.interpreters.links.replaced(body, targets)
        left = next(
            (one for one in _PLACEHOLDERS(json.spelled_plainly(linked)) if one not in own), None
        )
        if left is not None:
            with placed(entry.place):
                raise BadRequest.because("reference-unresolved", reference=left.decode()[:200])
        return linked

    def _said(
        self, wanted: Iterable[Entry], bodies: Iterable[bytes], identified: Identified
    ) -> Said:
        """Return what is known of all patients that the entries `wanted` may be about."""
        new = {
            identified.entries[one.place].reference
            for one in wanted
            if one.call.type == "Patient" and one.call.interaction == "create"
        }
        named = {one.decode() for body in bodies for one in _PATIENT(body)}
        mine = {one.reference for one in identified.entries.values() if one.type == "Patient"}
        belonging = self._context.services.store.belonging
        return {one: {} for one in new} | belonging.said((named | mine) - new)


def _says(patient: Draft) -> dict[str, Any]:
    """Return what the document of `patient`, who is new, will say of where they belong."""
    return {name: patient.defaults[name] for name in ("div",) if name in patient.defaults} | dict(
        patient.marks
    )


def _without(targets: Mapping[str, str], own: Collection[bytes]) -> Mapping[str, str]:
    return {link: one for link, one in targets.items() if link.encode() not in own}


def _is_stored(entry: Entry, known: Mapping[int, Identity]) -> bool:
    """Tell whether a resource in `entry` may be stored, as far as its identity tells."""
    if entry.call.interaction in ("delete", "patch") or entry.place not in known:
        return False
    return entry.call.interaction != "create" or known[entry.place].found is None


def _draft(context: Context, entry: Entry, body: bytes, identity: Identity, said: Said) -> Draft:
    call = entry.call
    # The body of the Bundle has been parsed; only what has got other links is parsed again.
    resource = entry.resource if body is call.body else orjson.loads(body)
    resource, body = checked(context, call, resource, body)
    if identity.found is not None:
        check_match(call, identity.found)
    given = resource.get("id")
    is_create = call.interaction == "create"
    if not is_create and given != identity.id and (call.id is not None or given is not None):
        raise BadRequest.because("id-differs", "id", expected=identity.id)
    is_posted = is_create or (call.id is None and given is None)
    return draft(
        context, identity.type, identity.id, resource, body, said=said, is_posted=is_posted
    )
