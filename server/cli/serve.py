"""``tongkang serve``: the server, with a private MongoDB unless a URL of one is given."""

import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from server.cli.settings import exit_with, settings_or_exit
from server.cli.supervisor import Supervisor, gunicorn_command, local_url
from server.fhir.messages import text
from server.fhir.outcome import FhirError
from server.settings import Settings
from server.store import safe
from server.store.database import check_url


@click.command
@click.option("--application", default="server.wsgi:app", hidden=True)
def serve(application: str) -> None:
    """Run the server until Ctrl-C; without a MongoDB URL, with a private MongoDB.

    启动服务器，按 Ctrl-C 停止；未设置 MongoDB 地址时使用自带的 MongoDB。
    """
    settings = settings_or_exit()
    try:
        safe.check(settings)
        if settings.mongodb_url is not None:
            check_url(settings.mongodb_url)
            if not settings.job_workers:
                # There is nothing to look after: gunicorn takes the place of this process.
                command = gunicorn_command(application)
                os.execv(command[0], command)  # noqa: S606 - no shell is wanted
        sys.exit(Supervisor(settings, application, announce).run())
    except FhirError as error:
        exit_with(error, settings.language)


def _example(settings: Settings) -> str:
    """Return a command that reads something, with a token to try out where one is needed."""
    url = f"'{settings.base_url}/Patient?_count=2'"
    if settings.access == "open" or settings.mode == "production":
        return f"curl {url}"
    command = Path(sys.executable).with_name("tongkang")
    return f'curl -H "Authorization: Bearer $({command} token)" {url}'


def _accounts(settings: Settings) -> dict[str, str]:
    """Return the row that says how accounts to try out are made, where there may be any."""
    if settings.access == "open" or settings.mode == "production":
        return {}
    return {"serve-accounts": f"{Path(sys.executable).with_name('tongkang')} account demo"}


def announce(settings: Settings) -> None:
    """Print where to go."""
    base = settings.base_url
    rows = {
        "serve-base": base,
        "serve-capabilities": f"{base}/metadata",
        "serve-health": local_url(settings, "/readyz"),
        "serve-pages": f"{settings.root_url}/",
        "serve-try": _example(settings),
        **_accounts(settings),
        "serve-data": str(settings.data_folder.absolute()),
    }
    table = Table.grid(padding=(0, 2))
    for key, value in rows.items():
        table.add_row(text(key, settings.language, {}), value)
    title = text("serve-ready", settings.language, {})
    footer = text("serve-stop", settings.language, {})
    Console(highlight=False, soft_wrap=True).print(
        Panel(table, title=title, subtitle=footer, expand=False)
    )
