"""``tongkang jobs``: the process that does what callers do not wait for, and what it has to do."""

import click

from server.api import telemetry
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import text
from server.fhir.outcome import FhirError
from server.jobs import worker
from server.store import safe
from server.store.queue import Job


@click.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """Do jobs until Ctrl-C: requests with Prefer: respond-async. `tongkang serve` runs this itself.

    执行异步任务（带 Prefer: respond-async 的请求），按 Ctrl-C 停止。`tongkang serve` 会自行运行它。
    """
    if context.invoked_subcommand is not None:
        return
    settings = settings_or_exit()
    telemetry.configure_logging(settings.log_level)
    try:
        safe.check(settings)
        with opened(settings) as services:
            worker.work(services, max(1, settings.job_workers))
    except FhirError as error:
        exit_with(error, settings.language)


@jobs.command(name="list")
def listed() -> None:
    """List jobs: id, state, how far, what, whose, since when.

    列出任务：编号、状态、进度、内容、提交者、提交时间。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            found = list(services.queue.all())
    except FhirError as error:
        exit_with(error, settings.language)
    for job in found:
        click.echo("\t".join(_told(job)))
    if not found:
        click.echo(text("jobs-none", settings.language, {}))


def _told(job: Job) -> tuple[str, ...]:
    what = f"{job.interaction} {job.type or ''}".strip()
    whose = " ".join(one for one in (job.client, job.account) if one) or "-"
    since = job.created.astimezone().isoformat(timespec="seconds")
    return job.id, job.state, f"{job.done}/{job.total or '?'}", what, whose, since
