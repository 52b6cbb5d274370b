"""All that is wrong with a resource: structure, bindings, invariants, and the profiles it claims.

A profile is known by its canonical URL. Those of R4's own types are; a guide adds its own by what
`Validator.profiles` is made of.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain, islice

from server import content
from server.fhir.json import Resource
from server.fhir.outcome import Issue
from server.profiles import identity_rules
from server.profiles.definitions import Definitions
from server.profiles.identity_numbers import kinds
from server.profiles.invariants.checking import Invariants
from server.profiles.invariants.items import Model
from server.profiles.shapes import Shape
from server.profiles.structure import StructureValidator

STRUCTURE_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
VERSION = "4.0.1"
_MOST = 500

Profile = Callable[[Resource], Iterable[Issue]]
"""Every fault that a profile finds in a resource whose structure is valid, none if it conforms."""


@dataclass(frozen=True, slots=True)
class Validator:
    """Checks resources; `profiles` are by ``url`` and by ``url|version``."""

    structure: StructureValidator
    invariants: Invariants
    profiles: Mapping[str, Profile]

    @classmethod
    def of(
        cls,
        definitions: Definitions,
        shapes: Mapping[str, Shape],
        structure: StructureValidator,
        zone: tzinfo,
    ) -> "Validator":
        """Return the validator that `definitions` make; a date without a zone is in `zone`."""
        invariants = Invariants(definitions, Model(shapes), zone)
        rules = identity_rules.IdentityRules(
            kinds.load(content.PROFILES / "identity"), lambda: datetime.now(zone).date()
        )
        profiles = {**_base(definitions), **identity_rules.checks(rules)}
        return cls(structure, invariants, profiles)

    def faults(self, resource: Resource, asked: Sequence[str] = ()) -> list[Issue]:
        """Return every fault of `resource`, parsed JSON; [] when good.

        `asked` are canonical URLs of profiles that it has to conform to; one that is not known is
        a fault. What it claims in meta.profile and is not known is a warning. Of more than 500
        issues the first 500 are returned, and one that says so. Where the structure is wrong, no
        more than that is looked at.
        """
        broken = self.structure.faults(resource)
        unknown = [
            Issue("not-found", "profile-unknown", {"profile": url[:200]})
            for url in asked
            if url not in self.profiles
        ]
        if broken:
            return [*broken, *unknown]
        known = (self.profiles[url](resource) for url in asked if url in self.profiles)
        told = chain(
            unknown,
            self.invariants.faults(resource),
            self._claimed(resource, asked),
            chain.from_iterable(known),
        )
        found = list(islice(told, _MOST + 1))
        if len(found) > _MOST:
            found[_MOST:] = [Issue("incomplete", "structure-more-faults", {"shown": _MOST})]
        return found

    def _claimed(self, resource: Resource, asked: Sequence[str]) -> Iterator[Issue]:
        """Yield what the profiles that `resource` claims find, but for those `asked` for."""
        type = resource["resourceType"]
        for place, url in enumerate(resource.get("meta", {}).get("profile", ())):
            if url is None or url in asked:
                continue
            if url in self.profiles:
                yield from self.profiles[url](resource)
            else:
                where = f"{type}.meta.profile[{place}]"
                arguments = {"profile": url[:200]}
                yield Issue("not-found", "profile-not-checked", arguments, where, "warning")


def _base(definitions: Definitions) -> dict[str, Profile]:
    """Return R4's own types as profiles: what they ask beyond the type, `faults` checks anyway."""
    found: dict[str, Profile] = {}
    for name in ("Resource", "DomainResource", *definitions.resource_types):
        for url in (f"{STRUCTURE_DEFINITION}{name}", f"{STRUCTURE_DEFINITION}{name}|{VERSION}"):
            found[url] = _is_a(definitions, name)
    return found


def _is_a(definitions: Definitions, type: str) -> Profile:
    def check(resource: Resource) -> Iterator[Issue]:
        name: str | None = resource["resourceType"]
        while name is not None and name != type:
            name = definitions.bases.get(name)
        if name is None:
            arguments = {"type": type, "found": resource["resourceType"]}
            yield Issue("invalid", "profile-of-other-type", arguments, resource["resourceType"])

    return check
