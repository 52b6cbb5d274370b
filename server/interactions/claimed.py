"""What a record says of its patient, and whether that contradicts what is known of somebody.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c); GB 11643-1999, https://openstd.samr.gov.cn/bzgk/gb/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir import json
from server.fhir.human_name import name_key, name_keys
from server.fhir.reference import parse
from server.profiles.identity_numbers.residents import ID_NUMBER, normal, upgraded

TYPE = "Patient"
MEDICAL_RECORD = "urn:oid:2.16.156.10011.1.13"
"""The system of medical record numbers (病案号), which are each institution's own."""
_EVERY_GENDER = (None, "unknown", "other")
Identifier = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a record says: a reference `target`, identifiers, names, and the `person` contained.

    Identifiers have a system and a value each; ID numbers are in their normal form.
    """

    target: str | None
    identifiers: tuple[Identifier, ...]
    names: frozenset[str]
    person: json.Resource

    @classmethod
    def of(cls, patient: json.Resource) -> "Claimed":
        """Return what `patient`, a Patient, says of themselves."""
        numbers = patient.get("identifier", ())
        told = tuple(one for one in numbers if "system" in one and "value" in one)
        return cls(None, told, frozenset(name_keys(patient)), patient)

    @classmethod
    def by(cls, record: json.Resource, base_url: str) -> "Claimed":
        """Return what `record` says, whose structure is valid."""
        patient = record["patient"]
        text = patient.get("reference", "")
        inside = {f"#{one.get('id')}": one for one in record.get("contained", ())}
        found = inside.get(text, {})
        person = found if found.get("resourceType") == TYPE else {}
        target = parse(text, base_url)
        told = [patient.get("identifier", {}), *person.get("identifier", ())]
        known = {
            (one["system"], _value(one)): {**one, "value": _value(one)}
            for one in told
            if "system" in one and "value" in one
        }
        names = name_keys(person) or {name_key(patient.get("display", ""))} - {""}
        is_here = target.local and target.type == TYPE
        return cls(
            target.text if is_here else None, tuple(known.values()), frozenset(names), person
        )

    @property
    def number(self) -> str | None:
        """Return the ID number that is told, None if there is none."""
        return next(iter(_numbers(self.identifiers)), None)

    def agrees(self, other: "Claimed") -> bool:
        """Tell whether nothing that is said contradicts what the `other` says."""
        numbers, others = {*_numbers(self.identifiers)}, {*_numbers(other.identifiers)}
        return (
            not (self.names and other.names and self.names.isdisjoint(other.names))
            and not (numbers and others and numbers.isdisjoint(others))
            and _is_same_day(self.person.get("birthDate"), other.person.get("birthDate"))
            and _is_same_sex(self.person.get("gender"), other.person.get("gender"))
        )

    def shares(self, other: "Claimed") -> bool:
        """Tell whether both say the same name or the same number."""
        return not (self.names.isdisjoint(other.names) and self.numbers.isdisjoint(other.numbers))

    @property
    def numbers(self) -> frozenset[tuple[str, str]]:
        """Return all identifiers, each as its system and its value."""
        return frozenset((one["system"], _value(one)) for one in self.identifiers)


def _value(identifier: Identifier) -> str:
    value: str = identifier["value"]
    return normal(value) if identifier["system"] == ID_NUMBER else value


def _numbers(identifiers: Iterator[Identifier] | tuple[Identifier, ...]) -> Iterator[str]:
    for one in identifiers:
        if one.get("system") == ID_NUMBER and "value" in one:
            number = _value(one)
            yield upgraded(number) if number.isdigit() else number


def _is_same_day(one: str | None, other: str | None) -> bool:
    """Tell whether two dates may be one: a year agrees with each of its days."""
    if one is None or other is None:
        return True
    return one.startswith(other) or other.startswith(one)


def _is_same_sex(one: str | None, other: str | None) -> bool:
    return one == other or one in _EVERY_GENDER or other in _EVERY_GENDER
