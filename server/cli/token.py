"""``tongkang token``: an access token for trying out."""

import click

from server.auth.development import Wanted
from server.auth.development import token as issued
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.outcome import FhirError


@click.command
@click.option(
    "--scope", default="system/*.cruds", show_default=True, help="SMART scopes. / SMART 授权范围。"
)
@click.option("--patient", help="The Patient in context, by its id. / 患者资源的 id。")
@click.option("--role", help="As staff of this role. / 以该岗位的工作人员身份。")
@click.option(
    "--division",
    default="3506",
    show_default=True,
    help="The division of the staff. / 工作人员所属行政区划。",
)
@click.option("--client", help="For this client, by its id. / 以该应用或系统的名义。")
def token(
    scope: str, patient: str | None, role: str | None, division: str, client: str | None
) -> None:
    """Print an access token for an hour, without sign-in or consent; not in production.

    打印一个有效期为一小时的访问令牌，无需登录和授权；正式运行时不可用。
    """
    settings = settings_or_exit()
    wanted = Wanted(scope=scope, patient=patient, role=role, division=division, client=client)
    try:
        with opened(settings) as services:
            click.echo(issued(services, wanted))
    except FhirError as error:
        exit_with(error, settings.language)
