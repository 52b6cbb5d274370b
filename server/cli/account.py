"""``tongkang account``: the first administrator, and accounts to try out."""

import click

from server.access.caller import Caller
from server.audit.event import ROLES_CHANGED, Event
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import text
from server.fhir.outcome import FhirError
from server.identity import invitations, staff
from server.identity.demo import Made, are_told, demo_accounts
from server.identity.demo import code as demo_code


@click.group
def account() -> None:
    """Open accounts of staff, or accounts to try out.

    新建工作人员账号或试用账号。
    """


@account.command
@click.option("--login", required=True, help="Login name. / 登录名。")
@click.option("--name", required=True, help="Real name. / 真实姓名。")
@click.option("--role", required=True, help="Role, such as administrator. / 岗位。")
@click.option("--division", required=True, help="Code of the division. / 行政区划代码。")
@click.option("--organization", help="Reference of the unit. / 所属机构。")
@click.option("--person", help="Reference of the Practitioner. / 本人资源。")
def create(login: str, role: str, division: str, organization: str | None, **who: str) -> None:
    """Open an account of staff and print the link where its person chooses a password.

    新建工作人员账号，并打印由本人设置密码的链接。
    """
    settings = settings_or_exit()
    given = {"login": login, "role": role, "division": division, "organization": organization}
    form = {name: {**given, **who}.get(name) or "" for name in staff.FIELDS}
    try:
        with opened(settings) as services:
            if wrong := staff.wrong(services, form, None):
                raise click.BadParameter(", ".join(f"--{name}" for name in wrong))
            made = staff.opened(services, form, "command line")
            facts = (("account", made["id"]), ("what", role))
            caller = Caller(kind="system", purpose="HSYSADMIN")
            services.trail.append(Event(act=ROLES_CHANGED, caller=caller, facts=facts))
            click.echo(settings.root_url + invitations.invite(services, made))
    except FhirError as error:
        exit_with(error, settings.language)


@account.command
@click.option("--unless-told", is_flag=True, hidden=True)
def demo(*, unless_told: bool) -> None:
    """Make accounts to try the demo region with, and print how to sign in. Development only.

    为演示地区创建试用账号并打印登录方法，仅供开发。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            if unless_told and are_told(services):
                # Whoever was told passwords while the region was loading goes on with them.
                return
            made = list(demo_accounts(services))
            click.echo(text("demo-accounts-told", settings.language, {}))
            for one in made:
                click.echo(told(one, settings.language))
    except FhirError as error:
        exit_with(error, settings.language)


@account.command
@click.argument("login")
def code(login: str) -> None:
    """Print what an authenticator shows now for the demo account LOGIN.

    打印试用账号 LOGIN 此刻的身份验证器验证码。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            click.echo(demo_code(services, login))
    except FhirError as error:
        exit_with(error, settings.language)


def told(one: Made, language: str) -> str:
    """Return one line on how to sign in to the account."""
    key = "demo-account-staff" if one.secret else "demo-account-resident"
    said = {"role": one.role, "login": one.login, "password": one.password, "secret": one.secret}
    return text(key, "zh" if language == "zh" else "en", said)
