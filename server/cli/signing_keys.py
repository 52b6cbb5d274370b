"""``tongkang signing-keys``: the keys that id tokens are signed with."""

import click

from server.auth.keys import Keys
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import text
from server.fhir.outcome import FhirError


@click.command
@click.option(
    "--rotate",
    is_flag=True,
    help="Publish a new key, which signs from tomorrow on. / 公布一个新密钥，次日起用它签名。",
)
def signing_keys(*, rotate: bool) -> None:
    """Show when each key signs. A new one is made by itself every 90 days.

    显示各签名密钥的启用时间。系统每 90 天自动更换。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            keys, zone = Keys(services), services.interpreters.zone
            if rotate:
                keys.rotate()
            for one in keys.known():
                told = {
                    "id": one.id,
                    "since": one.since.astimezone(zone).isoformat(timespec="minutes"),
                    "until": one.until.astimezone(zone).date().isoformat() if one.until else "—",
                }
                click.echo(text("signing-key", settings.language, told))
    except FhirError as error:
        exit_with(error, settings.language)
