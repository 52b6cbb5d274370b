"""``tongkang clients``: apps and systems that are registered, and what becomes of them."""

from collections.abc import Mapping
from getpass import getuser
from typing import Any

import click

from server.access.caller import Caller, Party
from server.auth import review, shelves
from server.auth.review import Decision, Faulty, Verdict
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.outcome import FhirError
from server.services import Services

_NOTE = "tongkang clients"


@click.group
def clients() -> None:
    """List, approve and suspend apps and systems.

    列出、批准和暂停应用与信息系统。
    """


@clients.command(name="list")
def listed() -> None:
    """List all clients with their status.

    列出全部应用及其状态。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            for one in services.store.shelf(shelves.CLIENTS).each({}):
                click.echo(f"{one['id']}\t{one['status']}\t{one['kind']}\t{one['name']}")
    except FhirError as error:
        exit_with(error, settings.language)


@clients.command
@click.argument("client_id")
@click.option("--scope", help="The most it may be granted; default: what it asks for.")
@click.option("--organization", default="", help="Organization/…, whom it acts for.")
@click.option("--division", default="", help="Code of its division.")
@click.option("--limited", is_flag=True, help="Only the data of that unit and division.")
def approve(
    client_id: str, scope: str | None, organization: str, division: str, *, limited: bool
) -> None:
    """Approve a client.

    批准一个应用。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            known = services.store.shelf(shelves.CLIENTS).find(client_id)
            form = {
                "scope": scope or (known or {}).get("scope", ""),
                "organization": organization,
                "division": division,
                "limited": "yes" if limited else "",
            }
            terms = review.terms(services, form, known) if known else {}
            _decide(services, client_id, "approved", terms)
    except Faulty as fault:
        raise click.UsageError(", ".join(fault.fields)) from None
    except FhirError as error:
        exit_with(error, settings.language)


@clients.command
@click.argument("client_id")
def suspend(client_id: str) -> None:
    """Suspend a client: its tokens end at once.

    暂停一个应用，其令牌立即失效。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            _decide(services, client_id, "suspended", {})
    except FhirError as error:
        exit_with(error, settings.language)


def _decide(services: Services, client_id: str, verdict: Verdict, terms: Mapping[str, Any]) -> None:
    """Decide on a client as it is now, in the name of whoever runs the command."""
    known = services.store.shelf(shelves.CLIENTS).find(client_id) or {}
    operator = Party(None, f"{getuser()} ({_NOTE})")
    caller = Caller(kind="staff", person=operator, purpose="HSYSADMIN")
    decision = Decision(verdict, caller, _NOTE, known.get("revision"), terms)
    review.decide(services, client_id, decision)
