"""``tongkang clients``: apps and systems that are registered, and what becomes of them."""

from collections.abc import Mapping
from getpass import getuser
from typing import Any

import click

from server.access.caller import Caller, Party
from server.auth import approval, review, shelves
from server.auth.review import Decision, Verdict
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.outcome import FhirError, NotFound
from server.services import Services
from server.store.shelf import Record

_NOTE = "tongkang clients"
_note = click.option("--note", default=_NOTE, show_default=True, help="Why. / 审核意见。")


@click.group
def clients() -> None:
    """List, approve and suspend apps and systems.

    列出、批准和暂停应用与信息系统。
    """


@clients.command(name="list")
@click.option(
    "--status",
    type=click.Choice(tuple(review.VERDICTS)),
    help="Only those of this status. / 只列出该状态的。",
)
def listed(status: str | None) -> None:
    """List clients: id, status, kind and name; new keys that wait for review have a ``+``.

    列出应用：编号、状态、类型和名称；有新密钥待审核的标有 + 号。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            for one in services.store.shelf(shelves.CLIENTS).each(
                {"status": status} if status else {}
            ):
                mark = "+" if one.get("is_waiting") else ""
                click.echo(f"{one['id']}\t{one['status']}{mark}\t{one['kind']}\t{one['name']}")
    except FhirError as error:
        exit_with(error, settings.language)


@clients.command
@click.argument("client_id")
@click.option("--scope", help="The most it may be granted; default: what it asks for. / 授权范围。")
@click.option("--organization", help="Organization/…, whom it acts for. / 所属机构。")
@click.option("--division", help="Code of its division. / 行政区划代码。")
@click.option(
    "--limited/--unlimited",
    default=None,
    help="Only the data of that unit and division. / 是否只限该机构和区划的数据。",
)
@_note
def approve(client_id: str, note: str, *, limited: bool | None, **given: str | None) -> None:
    """Approve a client; what is not said stays as it is.

    批准一个应用；未给出的各项保持不变。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            client = _client(services, client_id)
            form = approval.form(client) | {name: one for name, one in given.items() if one}
            if limited is not None or not (form["organization"] or form["division"]):
                form["limited"] = "yes" if limited else ""
            terms = approval.terms(services.interpreters, form, client)
            _decide(services, client, "approved", note, terms)
    except approval.Faulty as fault:
        raise click.UsageError(", ".join(fault.fields)) from None
    except FhirError as error:
        exit_with(error, settings.language)


@clients.command
@click.argument("client_id")
@_note
def suspend(client_id: str, note: str) -> None:
    """Suspend a client: its tokens end at once.

    暂停一个应用，其令牌立即失效。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            _decide(services, _client(services, client_id), "suspended", note, {})
    except FhirError as error:
        exit_with(error, settings.language)


def _client(services: Services, id: str) -> Record:
    found = services.store.shelf(shelves.CLIENTS).find(id)
    if found is None:
        raise NotFound.because("client-unknown")
    return found


def _decide(
    services: Services, client: Record, verdict: Verdict, note: str, terms: Mapping[str, Any]
) -> None:
    """Decide on a client as it is now, in the name of whoever runs the command."""
    operator = Party(None, f"{getuser()} ({_NOTE})")
    caller = Caller(kind="staff", person=operator, purpose="HSYSADMIN")
    decision = Decision(verdict, caller, note, client.get("revision"), terms)
    review.decide(services, client["id"], decision)
