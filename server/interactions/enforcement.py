"""What a write has to conform to beyond the structure of its type, as the setting says.

A profile that the resource claims and the server knows is enforced, with R4's invariants, unless
the level of its type is ``off``; one that it does not know is warned of, and the resource stored.
What is not of R4 is enforced like a profile: the logical model that defines it.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Iterable

import orjson

from server.context import Context
from server.fhir.json import Resource
from server.fhir.outcome import FhirError, Issue, Unprocessable
from server.profiles.conformance import Compiled
from server.records.validation_levels import OFF
from server.store.documents import Version

_DEFINITION = "StructureDefinition"
_NOT_HERE_YET = frozenset({"snapshot-base-unknown"})


def check(context: Context, resource: Resource) -> tuple[str, ...]:
    """Return by which rules `resource`, whose structure is valid, was checked: level and profiles.

    Raises Unprocessable with every error; what is only warned of is no reason to refuse.
    """
    issues, checked = _found(context, resource)
    issues += _of_definition(context, resource)
    errors = [one for one in issues if one.severity == "error"]
    if errors:
        raise Unprocessable(*errors)
    return checked


def advice(context: Context, stored: Version) -> Iterable[Issue]:
    """Return what there is to say of the version `stored`, which was taken none the less."""
    if stored.body is None:
        return ()
    issues, _ = _found(context, orjson.loads(stored.body))
    return (one for one in issues if one.severity != "information")


def _found(context: Context, resource: Resource) -> tuple[list[Issue], tuple[str, ...]]:
    known = context.interpreters
    level = known.levels.of(resource["resourceType"])
    if level.name == OFF:
        return [], (OFF,)
    find, validator = context.services.profiles.find, known.validator
    claims_any = bool(resource.get("meta", {}).get("profile"))
    has_to = claims_any or resource["resourceType"] in validator.models
    if level.profile is None and not level.has_invariants and not has_to:
        return [], (level.name,)
    claims = validator.claims(resource, find)
    issues, profiles = list(claims.issues), claims.profiles
    if level.profile is not None:
        profiles, more = _with_required(context, level.profile, profiles)
        issues += more
    if profiles or level.has_invariants:
        issues += validator.invariants.faults(resource)
        issues += validator.conformance(resource, profiles, find)
    return issues, (level.name, *(one.url for one in profiles))


def _with_required(
    context: Context, url: str, profiles: tuple[Compiled, ...]
) -> tuple[tuple[Compiled, ...], list[Issue]]:
    """Return `profiles` and the one that has to be fulfilled; an error if that is not to be had."""
    found = context.services.profiles.find(url)
    if found is None:
        return profiles, [Issue("not-found", "profile-unknown", {"profile": url})]
    return (profiles if found in profiles else (*profiles, found)), []


def _of_definition(context: Context, resource: Resource) -> list[Issue]:
    """Return what is wrong with a profile that is to be used: one whose status is active.

    That its base is not known is no fault: it may be stored yet.
    """
    is_profile = resource["resourceType"] == _DEFINITION and resource["status"] == "active"
    if not is_profile or resource.get("derivation") != "constraint" or context.access.internal:
        return []
    if context.interpreters.levels.of(_DEFINITION).name == OFF:
        return []
    try:
        context.services.profiles.draft().compiled(resource)
    except FhirError as error:
        if error.status >= 500:
            raise
        return [one for one in error.issues if one.message not in _NOT_HERE_YET]
    return []
