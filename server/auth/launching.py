"""Who may launch which app about whom, and the launch that comes of it.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from collections.abc import Mapping
from typing import Any

from server.access.policy import Access
from server.audit.event import Event, own
from server.auth import clients, launches, rights, shelves
from server.auth.clients import Client
from server.auth.launches import Launch
from server.auth.tokens import Tokens
from server.context import Context
from server.door import perform
from server.fhir.outcome import FhirError, Forbidden, NotFound
from server.identity import accounts
from server.identity import shelves as identity
from server.interactions.call import Call, Disclosed
from server.services import Services
from server.store.shelf import Record


def by_system(services: Services, token: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the launch that the system with `token` asks for, for one of its unit's staff.

    Raises Forbidden if it may not, NotFound if anything that it names is not there for it.
    """
    record = Tokens.of(services).find(token)
    given = None if record is None else rights.of(services, record)
    client = None if record is None else clients.approved(services, record["client"])
    if record is None or given is None or client is None or client.record["kind"] != "backend":
        raise Forbidden.because("launch-forbidden")
    user = _user(services, str(asked.get("user", "")))
    unit = (client.record.get("organization") or {}).get("reference")
    if user is None or unit is None or (user.get("organization") or {}).get("reference") != unit:
        raise NotFound.because("launch-unknown")
    return _launched(services, services.access(given), user, asked)


def by_staff(
    services: Services, account: Record, access: Access, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the launch that a member of staff asks for, for themselves. Raises as above."""
    if account["kind"] != "staff":
        raise Forbidden.because("launch-forbidden")
    return _launched(services, access, account, asked)


def apps(services: Services) -> list[Record]:
    """Return the apps that can be launched on a page, by name: those that say where they begin."""
    approved = services.store.shelf(shelves.CLIENTS).each({"status": "approved", "kind": "app"})
    found = [
        one
        for one in approved
        if one.get("launch_uri") and clients.counts(one, services) and _is_launched(Client(one))
    ]
    return sorted(found, key=lambda one: str(one["name"]))


def _is_launched(client: Client) -> bool:
    return "launch" in client.allowed


def _launched(
    services: Services, access: Access, account: Record, asked: Mapping[str, Any]
) -> dict[str, Any]:
    client = clients.approved(services, asked["client_id"])
    if client is None or not _is_launched(client):
        raise NotFound.because("launch-unknown")
    shown = tuple(
        one
        for name in ("patient", "encounter")
        if name in asked
        for one in _seen(services, access, asked[name])
    )
    patient = asked.get("patient")
    if patient and any(one.type == "Encounter" and patient not in one.patients for one in shown):
        raise NotFound.because("launch-unknown")
    context = {name: asked[name] for name in launches.PARAMETERS if name in asked}
    for name in ("patient", "encounter"):
        if name in context:
            context[name] = context[name].partition("/")[2]
    secret = launches.add(
        services, Launch(client=client.id, account=account["id"], context=context)
    )
    services.trail.append(Event(act=own("app-launched", "E"), caller=access.caller, shown=shown))
    return _said(services, client, secret)


def _said(services: Services, client: Client, secret: str) -> dict[str, Any]:
    return {
        "launch": secret,
        "iss": services.interpreters.settings.base_url,
        "expires_in": int(launches.LIFE.total_seconds()),
        "launch_uri": client.record.get("launch_uri"),
    }


def _seen(services: Services, access: Access, reference: str) -> tuple[Disclosed, ...]:
    """Return what was disclosed by a look at whom the launch is about."""
    type, _, id = reference.partition("/")
    try:
        call = Call(interaction="read", type=type, id=id)
        return perform(Context.of(services, access, "zh"), call).disclosed
    except FhirError:
        raise NotFound.because("launch-unknown") from None


def _user(services: Services, name: str) -> Record | None:
    """Return the member of staff whose Practitioner, or login, is `name`."""
    shelf = services.store.shelf(identity.ACCOUNTS)
    where: dict[str, str | int | bool | None] = {"kind": "staff", "status": "active"}
    for field, value in (("person", name), ("login", accounts.staff_login(name))):
        found = shelf.first({**where, field: value})
        if found is not None:
            return found
    return None
