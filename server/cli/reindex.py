"""``tongkang reindex``: the index of what is stored, computed anew."""

import sys
import time
from collections.abc import Sequence

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError
from server.store.jobs import Job
from server.store.registry import Registry

_PAUSE_SECONDS = 0.2


@click.command
@click.argument("types", nargs=-1, metavar="[TYPE]...")
def reindex(types: tuple[str, ...]) -> None:
    """Index anew all that is stored of each TYPE, or of all types.

    To be called after an upgrade that changes the index. A server may run meanwhile. What was
    interrupted goes on from where it was.

    重建每个 TYPE（未给出时为全部类型）已存数据的索引，用于升级改变索引之后。
    服务器可以同时运行；中断后可继续。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            stored = services.store.engine.collections.types()
            unknown = sorted({*types} - {*stored})
            for type in unknown:
                click.echo(
                    text("reindex-nothing", settings.language, {"type": type[:40]}), err=True
                )
            asked = [type for type in types or stored if type in stored]
            failed = _run(services.registry, list(dict.fromkeys(asked)), settings.language)
    except FhirError as error:
        exit_with(error, settings.language)
    for job in failed:
        told = {"type": job.type, "reason": job.reason}
        click.echo(text("reindex-failed", settings.language, told), err=True)
    click.echo(text("reindex-done", settings.language, {"types": len(asked) - len(failed)}))
    sys.exit(1 if failed or unknown else 0)


def _run(registry: Registry, types: Sequence[str], language: Language) -> list[Job]:
    """Have `types` indexed, by this process or by others; return the jobs that failed."""
    registry.hasten()
    registry.again(types)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        tasks = {
            type: progress.add_task(text("reindex-progress", language, {"type": type}), total=None)
            for type in types
        }
        registry.start(working=True)
        while True:
            jobs = [registry.jobs[type] for type in types]
            for job in jobs:
                total = job.done if job.state == "done" else max(job.total, job.done)
                progress.update(tasks[job.type], completed=job.done, total=total or None)
            if not any(job.is_open for job in jobs):
                return [job for job in jobs if job.state == "failed"]
            time.sleep(_PAUSE_SECONDS)
            registry.refresh()
