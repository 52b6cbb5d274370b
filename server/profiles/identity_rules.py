"""The identity rules: numbers in a resource are right, and agree with what else it says.

They belong to our profiles of persons and institutions. An ID number has to agree with birthDate
and gender, as far as these are told: a year of birth alone agrees with every day of it, a gender
that is unknown with every number. What is marked as old is only warned of. No number is repeated
whole in what is said.

Spec: GB 11643-1999, GB 32100-2015, GB 11714-1997, WS 218-2002;
https://hl7.org/fhir/R4/datatypes.html#Identifier
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.access.partial import in_part
from server.fhir.canonical import BASE
from server.fhir.json import Resource
from server.fhir.outcome import Issue
from server.profiles.identity_numbers.kinds import Kind, Kinds
from server.profiles.identity_numbers.residents import Holder, WrongNumberError

PROFILES = ("cn-patient", "cn-related-person", "cn-practitioner", "cn-organization")
"""The profiles that these rules belong to."""

_POSTAL_CODE = "postal-code"
_EVERY_GENDER = (None, "unknown", "other")

Check = Callable[[Resource], Iterator[Issue]]


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """The rules on `kinds` of numbers; nobody is born after `today`."""

    kinds: Kinds
    today: Callable[[], date]

    def faults(self, resource: Resource) -> Iterator[Issue]:
        """Yield what is wrong with the numbers in `resource`, whose structure is valid."""
        name = resource["resourceType"]
        for place, identifier in enumerate(resource.get("identifier", ())):
            yield from self._identifier(resource, identifier, f"{name}.identifier[{place}]")
        for path, one in _holders(resource):
            yield from self._reachable(one, path)

    def _identifier(
        self, resource: Resource, identifier: Mapping[str, Any], path: str
    ) -> Iterator[Issue]:
        kind, value = (
            self.kinds.by_system.get(identifier.get("system", "")),
            identifier.get("value"),
        )
        if kind is None or value is None:
            return
        severity = "warning" if identifier.get("use") == "old" else kind.severity
        say = _Saying(kind, value, f"{path}.value", severity)
        try:
            holder = kind.read(value)
        except WrongNumberError as wrong:
            yield say.that(wrong.message)
            return
        yield from self._region(say)
        if holder is not None:
            yield from self._person(say, holder, resource)

    def _region(self, say: "_Saying") -> Iterator[Issue]:
        region = say.kind.region(say.value)
        if region is None or region in self.kinds.regions:
            return
        if self.kinds.knows_province(region):
            yield say.that("identity-number-region", "warning", region=region)
        else:
            yield say.that("identity-number-province", province=region[:2])

    def _person(self, say: "_Saying", holder: Holder, resource: Resource) -> Iterator[Issue]:
        if holder.born > self.today():
            yield say.that("identity-number-future")
        if say.value[-1] == "x":
            yield say.that("identity-number-small-x", "warning")
        born = resource.get("birthDate")
        if born is not None and not holder.born.isoformat().startswith(born):
            yield say.that("identity-number-birth-date")
        gender = resource.get("gender")
        if gender not in _EVERY_GENDER and gender != holder.sex:
            yield say.that("identity-number-gender")

    def _reachable(self, one: Mapping[str, Any], path: str) -> Iterator[Issue]:
        for place, contact in enumerate(one.get("telecom", ())):
            # A fax is dialled like a telephone.
            if contact.get("system") in ("phone", "fax", "sms") and "value" in contact:
                yield from self._shape("phone", contact["value"], f"{path}.telecom[{place}].value")
        addresses = one.get("address", ())
        if isinstance(addresses, dict):
            yield from self._postal_code(addresses, f"{path}.address")
        else:
            for place, address in enumerate(addresses):
                yield from self._postal_code(address, f"{path}.address[{place}]")

    def _postal_code(self, address: Mapping[str, Any], path: str) -> Iterator[Issue]:
        is_here = address.get("country", "CN") in ("CN", "CHN", "156", "中国")
        if is_here and "postalCode" in address:
            yield from self._shape(_POSTAL_CODE, address["postalCode"], f"{path}.postalCode")

    def _shape(self, system: str, value: str, path: str) -> Iterator[Issue]:
        kind = self.kinds.by_system[system]
        if not kind.shape.fullmatch(value):
            yield _Saying(kind, value, path, kind.severity).that("identity-number-shape")


@dataclass(frozen=True, slots=True)
class _Saying:
    """How to say something about one number."""

    kind: Kind
    value: str
    expression: str
    severity: str

    def that(self, message: str, severity: str | None = None, **also: str) -> Issue:
        arguments = {
            "number": in_part(self.value),
            "standard": self.kind.standard,
            "kind": self.kind.titles,
            **also,
        }
        return Issue("value", message, arguments, self.expression, severity or self.severity)


def checks(rules: IdentityRules) -> Mapping[str, Check]:
    """Return the rules as checks of the profiles that they belong to, by canonical URL."""
    return {f"{BASE}/StructureDefinition/{id}": rules.faults for id in PROFILES}


def _holders(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what has telecom and address: the resource and its contacts, with their paths."""
    name = resource["resourceType"]
    yield name, resource
    for place, contact in enumerate(resource.get("contact", ())):
        yield f"{name}.contact[{place}]", contact
