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

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import orjson

from server.context import Context
from server.fhir import json
from server.interactions import visits
from server.interactions.claimed import MEDICAL_RECORD, TYPE, Claimed, Identifier
from server.interactions.criteria import Criteria, compiled
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


@dataclass(slots=True)
class Residents:
    """Finds whom records are about, by the context `own` of the server itself.

    `decided` are patients that somebody has decided on, by the id of the record. Who is new has the
    same id whenever that is asked.
    """

    own: Context
    decided: Mapping[str, str] = field(default_factory=dict)
    _new: dict[str, Draft] = field(default_factory=dict)

    def claims(self, record: json.Resource) -> frozenset[str]:
        """Return the names under which writers exclude each other who mean the same resident."""
        return frozenset(
            self._having(one).claim
            for one in self._claimed(record).identifiers
            if one["system"] != MEDICAL_RECORD
        )

    def find(
        self,
        transaction: Transaction,
        record: json.Resource,
        old: Version | None,
        written: Collection[str] = (),
    ) -> Resolution:
        """Return whom `record` is about, which is to be stored over `old`.

        `written` are references to the patients that are written together with it.
        """
        own = transaction.seen_by(self.own.access.visibility)
        claimed = self._claimed(record)
        decided = self.decided.get(old.id) if old is not None else None
        meant = decided or claimed.target or _kept(record, old)
        if meant is None:
            return self._among(own, record, claimed)
        if meant in written or _is_there(own, meant):
            return Resolution(meant)
        return Resolution(reason=UNKNOWN)

    def _claimed(self, record: json.Resource) -> Claimed:
        return Claimed.by(record, self.own.interpreters.settings.base_url)

    def _among(self, own: Transaction, record: json.Resource, claimed: Claimed) -> Resolution:
        known = self._by_identifiers(own, claimed)
        known |= self._by_medical_record(record, claimed)
        known = known or self._of_earlier(own, record)
        match list(known.items()):
            case []:
                return self._unfound(record, claimed)
            case [(reference, patient)] if claimed.agrees(patient):
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
        if not claimed.agrees(orjson.loads(new.body)):
            return Resolution(reason=CONTRADICTED, candidates=())
        return Resolution(f"{TYPE}/{new.id}", new)

    def _by_identifiers(self, own: Transaction, claimed: Claimed) -> _Patients:
        conditions = [
            self._having(one).condition
            for one in claimed.identifiers
            if one["system"] != MEDICAL_RECORD
        ]
        found = own.matching(TYPE, conditions) if conditions else []
        return dict(_living(one for versions in found for one in versions))

    def _by_medical_record(self, record: json.Resource, claimed: Claimed) -> _Patients:
        """Return who has a number of the medical record at the same institution."""
        told = [one["value"] for one in claimed.identifiers if one["system"] == MEDICAL_RECORD]
        numbers = [*told, *([record["recordNumber"]] if "recordNumber" in record else [])]
        if not numbers:
            return {}
        named = visits.institution(record)
        number = {"system": MEDICAL_RECORD, "value": numbers[0]}
        wanted = self._having(number)
        found = self.own.resources.matching(TYPE, wanted.condition, limit=_MOST)
        return {
            reference: patient
            for reference, patient in _living(found)
            if any(
                number.items() <= one.items() and _is_of(one, named)
                for one in patient.get("identifier", ())
            )
        }

    def _of_earlier(self, own: Transaction, record: json.Resource) -> _Patients:
        """Return whom earlier records are about, of the same medical record."""
        if "recordNumber" not in record:
            return {}
        wanted = visits.criteria(self.own, record, {}, "record-number")
        found = self.own.resources.matching(record["resourceType"], wanted.condition, limit=_MOST)
        bodies = [orjson.loads(one.body) for one in found if one.body is not None]
        named = {one[ELEMENT]["reference"] for one in bodies if ELEMENT in one}
        ids = {one.partition("/")[2] for one in named}
        return dict(_living(own.versions(TYPE, ids, "r").values()))

    def _having(self, identifier: Identifier) -> Criteria:
        values = [identifier["value"]]
        if identifier["system"] == ID_NUMBER and values[0].isdigit():
            # One of 15 digits may have been stored as it is, or as the one that took its place.
            values = list(dict.fromkeys((upgraded(values[0]), values[0])))
        texts = [visits.code({"system": identifier["system"], "value": one}) for one in values]
        return compiled(self.own, TYPE, [("identifier", ",".join(texts))])


def _is_there(own: Transaction, reference: str) -> bool:
    id = reference.partition("/")[2]
    return any(one.body is not None for one in own.versions(TYPE, {id}, "r").values())


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
