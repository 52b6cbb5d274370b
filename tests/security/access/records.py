"""What operations on records give a token, worked out from plain JSON.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from tests.security.access.asking import named, refers
from tests.security.access.oracle import Json, Key, Oracle, Stored, about, values
from tests.security.access.tokens import Token

# By type the elements that put a resource into a patient's compartment.
_COMPARTMENT = {
    "Account": ("subject",), "AllergyIntolerance": ("patient", "recorder", "asserter"),
    "Appointment": ("participant.actor",), "CarePlan": ("subject", "activity.detail.performer"),
    "Communication": ("subject", "sender", "recipient"),
    "Composition": ("subject", "author", "attester.party"), "Condition": ("subject", "asserter"),
    "Coverage": ("policyHolder", "subscriber", "beneficiary", "payor"),
    "DiagnosticReport": ("subject",), "DocumentReference": ("subject", "author"),
    "Encounter": ("subject",), "Group": ("member.entity",), "Immunization": ("patient",),
    "List": ("subject", "source"), "MedicationRequest": ("subject",),
    "MolecularSequence": ("patient",), "Observation": ("subject", "performer"),
    "Patient": ("link.other",), "Person": ("link.target",),
    "Procedure": ("subject", "performer.actor"), "Provenance": ("target",),
    "QuestionnaireResponse": ("subject", "author"), "RelatedPerson": ("patient",),
}  # fmt: skip
_LOCAL = re.compile(
    r"(?:http://tongkang\.test/fhir/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]+)(?:/_history/\d+)?"
)


@dataclass(frozen=True, slots=True)
class Given:
    """What a token gets: the status, and which versions as matches and as what supports them."""

    status: int
    matches: frozenset[Key] = frozenset()
    included: frozenset[Key] = frozenset()


def everything(oracle: Oracle, token: Token, *patients: str) -> Given:
    """Return what the token gets of the records of `patients`, all it may see if none are given."""
    if "r" not in oracle.letters(token, "Patient"):
        return Given(403)
    seen = {named(one.body or {}) for one in oracle.known(token, "Patient", "rs")}
    if patients and not _readable(oracle, token, patients[0]):
        return Given(404)
    owners = {f"Patient/{one}" for one in patients} or seen
    matches = [
        one
        for type in _COMPARTMENT
        for one in oracle.known(token, type, "rs")
        if _is_inside(one.body or {}, owners)
    ]
    keys = frozenset(one.key for one in matches)
    beside = _beside(matches, owners, _Sight(oracle, token, "rs"))
    return Given(200, keys, frozenset(one.key for one in beside) - keys)


def document(oracle: Oracle, token: Token, id: str) -> Given:
    """Return what the token gets of the document of a Composition."""
    if "r" not in oracle.letters(token, "Composition"):
        return Given(403)
    first = oracle.versions["Composition", id][-1]
    if not oracle.knows(token, first, "r"):
        return Given(404)
    body = first.body or {}
    readable = {
        named(one.body or {}): one
        for type in oracle.types
        for one in oracle.known(token, type, "r")
    }
    direct = set(_references(body))
    if not direct <= readable.keys():
        return Given(422)
    subject = {one for one in [about("Composition", body)] if one}
    found = {named(body): first, **{name: readable[name] for name in direct}}
    while new := _beside(list(found.values()), subject, _Sight(oracle, token, "r"), found):
        found |= {named(one.body or {}): one for one in new}
    return Given(200, frozenset(one.key for one in found.values()))


def lastn(oracle: Oracle, token: Token, patient: str, category: str) -> Given:
    """Return what the token gets of all observations of a patient in one category."""
    if "s" not in oracle.letters(token, "Observation"):
        return Given(403)
    found = [
        one.key
        for one in oracle.known(token, "Observation", "s")
        if f"Patient/{patient}" in refers(one.body or {}, "subject")
        and category in values(one.body, "category.coding.code")
    ]
    return Given(200, frozenset(found))


def _readable(oracle: Oracle, token: Token, id: str) -> bool:
    return oracle.knows(token, oracle.versions["Patient", id][-1], "r")


def _is_inside(body: Json, owners: set[str]) -> bool:
    if named(body) in owners:
        return True
    return any(refers(body, path) & owners for path in _COMPARTMENT[body["resourceType"]])


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a token has all `letters` to."""

    oracle: Oracle
    token: Token
    letters: str

    def of(self, type: str) -> list[Stored]:
        """Return what of `type` it is."""
        return self.oracle.known(self.token, type, self.letters)


def _beside(
    found: list[Stored], owners: set[str], sight: _Sight, known: Collection[str] = ()
) -> list[Stored]:
    """Return what `found` refers to, about nobody or about one of the `owners`."""
    bodies = (_shown(sight.token, one.body or {}) for one in found)
    wanted = {text for body in bodies for text in _references(body)} - set(known)
    return [
        one
        for type in {text.partition("/")[0] for text in wanted}
        for one in sight.of(type)
        if named(one.body or {}) in wanted and about(type, one.body or {}) in {None, *owners}
    ]


def _shown(token: Token, body: Json) -> Json:
    hidden, _ = token.masks.get(body["resourceType"], ((), ()))
    return {name: one for name, one in body.items() if name not in hidden}


def _references(body: Any) -> Iterator[str]:
    """Yield what of this server any reference in `body` names."""
    children = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    if isinstance(body, dict):
        match = _LOCAL.fullmatch(str(body.get("reference", "")))
        if match is not None:
            yield match[1]
    for one in children:
        yield from _references(one)
