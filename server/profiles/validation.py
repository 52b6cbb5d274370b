"""All that is wrong with a resource: structure, invariants, extensions, and its profiles.

A profile is known by its canonical URL: R4's own and those that come with the server to the guide,
those that callers have stored to whoever asks.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from server.fhir.json import Resource
from server.fhir.outcome import FhirError, Issue
from server.profiles.conformance import Compiled
from server.profiles.definitions import Definitions
from server.profiles.guide import Checking, Guide
from server.profiles.invariants.checking import Invariants
from server.profiles.structure import StructureValidator

_MOST = 500

FindProfile = Callable[[str], Compiled | None]
"""From a canonical URL to the profile, None if it is not known; raises what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The profiles that a resource has to conform to, and what there is to say of the others."""

    profiles: tuple[Compiled, ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Validator:
    """Checks resources; `guide` has the profiles that come with the server.

    `models` are the types beyond R4's, each with the URL of the logical model that defines it.
    """

    structure: StructureValidator
    invariants: Invariants
    checking: Checking
    guide: Guide
    models: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        definitions: Definitions,
        structure: StructureValidator,
        guide: Guide,
        checking: Checking,
    ) -> "Validator":
        """Return the validator that `definitions` make."""
        invariants = Invariants(definitions, checking.model, checking.zone)
        return cls(structure, invariants, checking, guide, definitions.models)

    def faults(
        self,
        resource: Resource,
        asked: Sequence[str] = (),
        find: FindProfile | None = None,
        *,
        tells_support: bool = False,
    ) -> list[Issue]:
        """Return every fault of `resource`, parsed JSON; [] when good.

        `asked` are canonical URLs of profiles that it has to conform to; one that is not known is
        a fault. What it claims in meta.profile and is not known is a warning. `find` knows
        profiles, those of the guide if it is left out. Of more than 500 issues the first 500 are
        returned, and one that says so. Where the structure is wrong, no more than that is looked
        at.
        """
        find = find or self.guide.find
        broken = self.structure.faults(resource)
        wanted = self._asked(asked, find)
        if broken:
            return [*broken, *wanted.issues]
        claimed = self.claims(resource, find, but_for=asked)
        told = chain(
            wanted.issues,
            self.invariants.faults(resource),
            claimed.issues,
            self.conformance(
                resource,
                (*claimed.profiles, *wanted.profiles),
                find,
                tells_support=tells_support,
            ),
        )
        return _bounded(told)

    def conformance(
        self,
        resource: Resource,
        profiles: Iterable[Compiled],
        find: FindProfile,
        *,
        tells_support: bool = False,
    ) -> list[Issue]:
        """Return what in `resource` and its extensions does not conform to `profiles`."""

        def known(url: str) -> Compiled | None:
            try:
                return find(url)
            except FhirError:
                return None  # what is at fault itself says nothing of others

        return self.checking.faults(resource, profiles, known, tells_support=tells_support)

    def claims(
        self, resource: Resource, find: FindProfile, *, but_for: Sequence[str] = ()
    ) -> Claims:
        """Return the profiles in meta.profile of `resource`, whose structure is valid.

        One that is not known, or is at fault itself, is warned of. What a logical model defines has
        to conform to that, claimed or not.
        """
        type = resource["resourceType"]
        model = self.guide.find(self.models[type]) if type in self.models else None
        profiles, issues = [model] if model is not None else [], list[Issue]()
        for place, url in enumerate(resource.get("meta", {}).get("profile", ())):
            if url is None or url in but_for:
                continue
            where = f"{type}.meta.profile[{place}]"
            found = _found(url, find)
            if isinstance(found, Compiled):
                profiles.append(found)
                issues += _retired(found, where)
            elif found is not None:
                issues.append(Issue("processing", *_unusable(url, found), where, "warning"))
            else:
                told = {"profile": url[:200]}
                issues.append(Issue("not-found", "profile-not-checked", told, where, "warning"))
        return Claims(tuple(profiles), tuple(issues))

    def _asked(self, asked: Sequence[str], find: FindProfile) -> Claims:
        profiles, issues = list[Compiled](), list[Issue]()
        for url in asked:
            found = _found(url, find)
            if isinstance(found, Compiled):
                profiles.append(found)
                issues += _retired(found, None)
            elif found is not None:
                issues.append(Issue("processing", *_unusable(url, found)))
            else:
                issues.append(Issue("not-found", "profile-unknown", {"profile": url[:200]}))
        return Claims(tuple(profiles), tuple(issues))


def _found(url: str, find: FindProfile) -> Compiled | FhirError | None:
    try:
        return find(url)
    except FhirError as error:
        if error.status >= 500:
            raise
        return error


def _unusable(url: str, error: FhirError) -> tuple[str, dict[str, object]]:
    return "profile-unusable", {"profile": url[:200], "reason": str(error)[:1000]}


def _retired(profile: Compiled, where: str | None) -> Iterator[Issue]:
    if profile.status == "retired":
        told = {"profile": profile.url[:200]}
        yield Issue("business-rule", "profile-retired", told, where, "warning")


def _bounded(told: Iterable[Issue]) -> list[Issue]:
    found = list(islice(told, _MOST + 1))
    if len(found) > _MOST:
        found[_MOST:] = [Issue("incomplete", "structure-more-faults", {"shown": _MOST})]
    return found
