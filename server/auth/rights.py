"""The rights that a token gives: its scopes, within what its client, person and grant may do.

Nothing of it is kept in the token: who is suspended, whose role changed, or which child has
grown up counts from the next look.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Iterator, Mapping

from msgspec import structs

from server.access import scopes
from server.access.caller import Caller, Party
from server.access.policy import Masks, Region, Right, Rights, granted
from server.auth import clients, grants, shelves
from server.content import TERMINOLOGY
from server.identity import access, emergency, people
from server.search import sensitivity
from server.services import Services
from server.store.shelf import Record

_PURPOSES: Mapping[str, str] = {"resident": "PATRQT", "staff": "TREAT", "system": "HOPERAT"}


def of(services: Services, token: Record) -> Rights | None:
    """Return the rights that the record of an access token gives, None if none any more."""
    client = services.store.shelf(shelves.CLIENTS).find(token["client"])
    if not clients.counts(client, services):
        return None
    if token["account"] is None:
        grant = grants.in_force(services, token["grant"])
        return None if grant is None else _of_system(services, client, grant, token)
    found = grants.alive(services, token["grant"])
    return None if found is None else _of_person(services, client, *found, token)


def _of_system(services: Services, client: Record, grant: Record, token: Record) -> Rights:
    caller = system(client, grant)
    return _rights(services, caller, client, grant, token, {"system": None}, _region(client))


def system(client: Record, grant: Record) -> Caller:
    """Return who calls when the system `client` does, by what it was granted."""
    return Caller(
        kind="system",
        organization=access.party(client.get("organization")),
        division=client.get("division"),
        client=Party(client["id"], client["name"]),
        purpose=grant.get("purpose") or _PURPOSES["system"],
        grant=grant["id"],
    )


def _of_person(
    services: Services, client: Record, grant: Record, account: Record, token: Record
) -> Rights:
    kind = account["kind"]
    app = Party(client["id"], client["name"])
    caller = access.caller_of(account, grant.get("purpose") or _PURPOSES[kind], app)
    caller = structs.replace(caller, grant=grant["id"])
    persons = people.persons(services, account) if kind == "resident" else None
    if persons is not None and grant["patient"] is not None:
        persons = (grant["patient"],)
    about: dict[str, tuple[str, ...] | None] = {"user": persons}
    patient = token["context"].get("patient")
    if patient is not None and (persons is None or f"Patient/{patient}" in persons):
        about["patient"] = (f"Patient/{patient}",)
    region = access.region_of(account) if kind == "staff" else None
    lifted = emergency.in_force(services, account) if kind == "staff" else ()
    return _rights(services, caller, client, grant, token, about, region, lifted)


def _rights(  # noqa: PLR0913, PLR0917  # all that decides
    services: Services,
    caller: Caller,
    client: Record,
    grant: Record,
    token: Record,
    about: Mapping[str, tuple[str, ...] | None],
    region: Region | None,
    lifted: tuple[str, ...] = (),
) -> Rights:
    roles = services.interpreters.roles
    asked = scopes.parse(token["scope"])
    known = frozenset(sensitivity.declared(TERMINOLOGY))
    return Rights(
        caller=caller,
        rights=(
            *granted(roles, caller.role or caller.kind, asked.clinical, about),
            *_oneself(caller, asked),
        ),
        region=region,
        withheld=known - frozenset(grant.get("labels", ())),
        lifted=lifted,
        masks=masks(client),
    )


def _oneself(caller: Caller, asked: scopes.Scopes) -> Iterator[Right]:
    """Yield the right to read who the claim fhirUser names, and nobody else of that type."""
    if "openid" in asked and "fhirUser" in asked and caller.person.reference:
        type, _, id = caller.person.reference.partition("/")
        yield Right(type, frozenset("r"), alone=id)


def _region(client: Record) -> Region | None:
    region = client.get("region")
    if region is None:
        return None
    return Region(
        divisions=tuple(region.get("divisions", ())),
        organizations=tuple(region.get("organizations", ())),
    )


def masks(client: Record) -> dict[str, Masks]:
    """Return the elements that are not shown to `client` as they are, by type."""
    return {
        type: Masks(frozenset(one.get("hidden", ())), frozenset(one.get("masked", ())))
        for type, one in (client.get("masks") or {}).items()
    }
