"""Whom a record is about: the resident that its institution means, found among all, or new.

Found is who is referred to, or the one Patient that has a number the record tells: of an identity
document, the health record (健康档案编号), the health card (健康卡号), or the institution's own
medical record (病案号), by which earlier records may tell as well. The names, dates of birth, sexes
and ID numbers must not contradict each other. Where nobody is found, somebody with a right ID
number and a name is new. In all other cases the record is about nobody until a person has decided:
nobody's record is guessed.

Whom somebody has decided on, it stays, as long as the record says the same of its patient.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c), 居民健康卡管理办法 (R4.3);
https://hl7.org/fhir/R4/references.html#logical
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import orjson

from server.context import Context
from server.fhir import json
from server.interactions import visits
from server.interactions.claimed import MEDICAL_RECORD, TYPE, Claimed, Identifier
from server.interactions.criteria import Criteria, compiled
from server.interactions.institutions import Institutions, code, institution
from server.interactions.newcomers import newcomer
from server.profiles.identity_numbers.residents import ID_NUMBER, upgraded
from server.store.documents import Draft, Version
from server.store.transactions import Transaction

AMBIGUOUS, CONTRADICTED, UNKNOWN, UNTOLD = "ambiguous", "contradicted", "unknown", "untold"
ELEMENT = "resident"
"""The element of a record that says whom it is about; the server alone writes it."""
_SAID = ("patient", "contained", "recordNumber", "institution")
_MOST = 50
_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_Patients = dict[str, json.Resource]
"""Patients by their reference."""
_Said = Mapping[int, tuple[json.Resource, Claimed]]
"""Records and what they say, by their place among those that are asked for."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whom a record is about: `patient` is a reference, `new` the Patient that is to be stored.

    Without a `patient` there is the `reason`, a code of CodeSystem resident-review, and references
    to the `candidates`.
    """

    patient: str | None = None
    new: Draft | None = None
    reason: str | None = None
    candidates: tuple[str, ...] = ()

    def told(self, body: bytes) -> bytes:
        """Return the record `body` with whom it is about, and nobody else."""
        given = _PROPERTIES.decode(body)
        given.pop(ELEMENT, None)
        if self.patient is not None:
            given[ELEMENT] = msgspec.Raw(orjson.dumps({"reference": self.patient}))
        return msgspec.json.encode(given)


@dataclass(frozen=True, slots=True)
class Asked:
    """A record whose resident is asked for, which is to be stored over `old`."""

    record: json.Resource
    old: Version | None = None


@dataclass(slots=True)
class Residents:
    """Finds whom records are about, as the server itself may see it.

    `institutions` are known to it; `decided` are patients that somebody has decided on, by the id
    of the record. Who is new has the same id whenever that is asked.
    """

    institutions: Institutions
    decided: Mapping[str, str] = field(default_factory=dict)
    _new: dict[str, Draft] = field(default_factory=dict)
    _criteria: dict[tuple[str, str], Criteria] = field(default_factory=dict)

    @property
    def own(self) -> Context:
        """Return the context of the server itself."""
        return self.institutions.own

    def claims(self, record: json.Resource) -> frozenset[str]:
        """Return the names under which writers exclude each other who mean the same resident."""
        return frozenset(one.claim for one in self._by_each(record))

    def criteria(self, record: json.Resource) -> Criteria:
        """Return what finds whoever has a number that `record`, which tells one, tells."""
        first, *others = self._by_each(record)
        conditions = [one.condition for one in (first, *others)]
        return replace(first, condition={"$or": conditions}) if others else first

    def _by_each(self, record: json.Resource) -> list[Criteria]:
        return [
            self._having(one)
            for one in self._claimed(record).identifiers
            if one["system"] != MEDICAL_RECORD
        ]

    def find(
        self, transaction: Transaction, asked: Sequence[Asked], written: Collection[str] = ()
    ) -> list[Resolution]:
        """Return whom each of `asked` is about, with a few questions for all of them.

        `written` are references to the patients that are written together with them.
        """
        own = transaction.seen_by(self.own.access.visibility)
        claimed = [self._claimed(one.record) for one in asked]
        told = [self._told(*both) for both in zip(asked, claimed, strict=True)]
        kept = [_kept(one.record, one.old) for one in asked]
        named = {one for one in (*told, *kept) if one is not None} - {*written}
        stored = _stored(own, named)
        there = {*written, *stored}
        # Who was settled on before may have been merged into somebody else since, or be gone.
        living = {*written, *dict(_living(stored.values()))}
        meant = [
            one or (before if before in living else None)
            for one, before in zip(told, kept, strict=True)
        ]
        untold = [place for place, one in enumerate(meant) if one is None]
        known = self._known(own, {one: (asked[one].record, claimed[one]) for one in untold})
        return [
            self._resolved(asked[place].record, claimed[place], known[place])
            if target is None
            else Resolution(target)
            if target in there
            else Resolution(reason=UNKNOWN)
            for place, target in enumerate(meant)
        ]

    def _claimed(self, record: json.Resource) -> Claimed:
        return Claimed.by(record, self.own.interpreters.settings.base_url)

    def _told(self, one: Asked, claimed: Claimed) -> str | None:
        """Return whom somebody has just decided on, or the record names."""
        decided = self.decided.get(one.old.id) if one.old is not None else None
        return decided or claimed.target

    def _known(self, own: Transaction, said: _Said) -> dict[int, _Patients]:
        """Return the patients that may be meant by what is `said` in each place."""
        found = self._by_identifiers(own, said)
        for place, known in self._by_medical_record(own, said).items():
            found[place] |= known
        left = {place: one for place, one in said.items() if not found[place]}
        return {**found, **self._of_earlier(own, left)}

    def _resolved(self, record: json.Resource, claimed: Claimed, known: _Patients) -> Resolution:
        match list(known.items()):
            case []:
                return self._unfound(record, claimed)
            case [(reference, patient)] if claimed.agrees(Claimed.of(patient)):
                return Resolution(reference)
            case [(reference, _)]:
                return Resolution(reason=CONTRADICTED, candidates=(reference,))
        return Resolution(reason=AMBIGUOUS, candidates=tuple(sorted(known)))

    def _unfound(self, record: json.Resource, claimed: Claimed) -> Resolution:
        key = claimed.number
        if key is not None and key not in self._new:
            new = newcomer(self.own, record, claimed)
            if new is not None:
                self._new[key] = new
        new = self._new.get(key or "")
        if new is None:
            is_told = bool(claimed.identifiers) or "recordNumber" in record
            return Resolution(reason=UNKNOWN if is_told else UNTOLD)
        if not claimed.agrees(Claimed.of(orjson.loads(new.body))):
            return Resolution(reason=CONTRADICTED, candidates=())
        return Resolution(f"{TYPE}/{new.id}", new)

    def _by_identifiers(self, own: Transaction, said: _Said) -> dict[int, _Patients]:
        wanted = [
            (place, self._having(one).condition)
            for place, (_, claimed) in said.items()
            for one in claimed.identifiers
            if one["system"] != MEDICAL_RECORD
        ]
        known: dict[int, _Patients] = {place: {} for place in said}
        found = own.matching(TYPE, [condition for _, condition in wanted])
        for (place, _), versions in zip(wanted, found, strict=True):
            known[place] |= _living(versions)
        return known

    def _by_medical_record(self, own: Transaction, said: _Said) -> dict[int, _Patients]:
        """Return who has a number of the medical record at the same institution."""
        wanted = {
            place: {"system": MEDICAL_RECORD, "value": number}
            for place, (record, claimed) in said.items()
            if (number := _medical_record(record, claimed)) is not None
        }
        conditions = [self._having(one).condition for one in wanted.values()]
        found = own.matching(TYPE, conditions, _MOST)
        return {
            place: {
                reference: patient
                for reference, patient in _living(versions)
                if _has(patient, number, institution(said[place][0]))
            }
            for (place, number), versions in zip(wanted.items(), found, strict=True)
        }

    def _of_earlier(self, own: Transaction, said: _Said) -> dict[int, _Patients]:
        """Return whom earlier records are about, of the same medical record."""
        by_type: dict[str, dict[int, Mapping[str, Any]]] = {}
        for place, (record, _) in said.items():
            if "recordNumber" in record:
                wanted = visits.criteria(self.institutions, record, {}, "record-number")
                by_type.setdefault(record["resourceType"], {})[place] = wanted.condition
        named: dict[int, set[str]] = {}
        for type, conditions in by_type.items():
            found = own.matching(type, list(conditions.values()), _MOST)
            for place, versions in zip(conditions, found, strict=True):
                bodies = [orjson.loads(one.body) for one in versions if one.body is not None]
                named[place] = {one[ELEMENT]["reference"] for one in bodies if ELEMENT in one}
        known = dict(_living(_stored(own, set().union(*named.values())).values()))
        return {
            place: {one: known[one] for one in sorted(references) if one in known}
            for place, references in named.items()
        }

    def _having(self, identifier: Identifier) -> Criteria:
        key = identifier["system"], identifier["value"]
        if key not in self._criteria:
            self._criteria[key] = self._compiled(identifier)
        return self._criteria[key]

    def _compiled(self, identifier: Identifier) -> Criteria:
        values = [identifier["value"]]
        if identifier["system"] == ID_NUMBER and values[0].isdigit():
            # One of 15 digits may have been stored as it is, or as the one that took its place.
            values = list(dict.fromkeys((upgraded(values[0]), values[0])))
        texts = [code({"system": identifier["system"], "value": one}) for one in values]
        return compiled(self.own, TYPE, [("identifier", ",".join(texts))])


def _stored(own: Transaction, references: Collection[str]) -> dict[str, Version]:
    """Return the versions of those patients that are there."""
    found = own.versions(TYPE, {one.partition("/")[2] for one in references}, "r")
    return {f"{TYPE}/{id}": one for id, one in found.items() if one.body is not None}


def _medical_record(record: json.Resource, claimed: Claimed) -> str | None:
    told = (one["value"] for one in claimed.identifiers if one["system"] == MEDICAL_RECORD)
    return next(told, record.get("recordNumber"))


def _has(patient: json.Resource, number: Identifier, named: json.Resource) -> bool:
    """Tell whether `patient` has the `number` that the institution `named` gave."""
    return any(
        number.items() <= one.items() and _is_of(one, named)
        for one in patient.get("identifier", ())
    )


def _living(found: Iterator[Version] | Collection[Version]) -> Iterator[tuple[str, json.Resource]]:
    """Yield the patients in use; one that was merged into another is not."""
    for one in found:
        patient = orjson.loads(one.body) if one.body is not None else {"active": False}
        if patient.get("active") is not False:
            yield f"{TYPE}/{one.id}", patient


def _is_of(identifier: Identifier, institution: json.Resource) -> bool:
    """Tell whether `identifier` is a number that `institution` gave."""
    assigner = identifier.get("assigner", {})
    by_reference = institution.get("reference") is not None and (
        assigner.get("reference") == institution["reference"]
    )
    code, other = assigner.get("identifier", {}), institution.get("identifier", {})
    by_code = "value" in code and all(
        code.get(name) == other.get(name) for name in ("system", "value")
    )
    return by_reference or by_code


def _kept(record: json.Resource, old: Version | None) -> str | None:
    """Return whom the record `old` is about, if `record` says the same of its patient."""
    if old is None or old.body is None:
        return None
    before = orjson.loads(old.body)
    is_same = all(before.get(name) == record.get(name) for name in _SAID)
    found: str | None = before.get(ELEMENT, {}).get("reference")
    return found if is_same else None
