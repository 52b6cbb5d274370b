"""``tongkang audit``: the trail, proved whole, anchored outside, given away."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.progress import Progress

from server.access.caller import Caller
from server.audit.event import TRAIL_USED, Event
from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError
from server.services import Services, inspection
from server.store.failures import refused
from server.store.inspection import Anchor, Inspection
from server.store.verification import Finding

_SHOWN = 20


@click.group
def audit() -> None:
    """Verify, anchor or export the trail of who did what.

    核查、锚定或导出访问记录。
    """


@audit.command
@click.option("--anchor", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify(anchor: Path | None) -> None:
    """Prove that no record was changed, taken away, added or moved.

    With a file that `tongkang audit anchor` wrote, also that all of then is still there.
    Exits with 1 if anything is wrong.

    核查并证明访问记录未被改动、删除、增加或调换；发现错误时以代码 1 退出。
    """
    with _services() as (services, language):
        known = None if anchor is None else _anchor(anchor, language)
        inspected = inspection(services)
        lanes = len(inspected.anchor().heads)
        findings, records = _found(inspected, known, language)
    for finding in findings[:_SHOWN]:
        click.echo(
            f"{finding.type}/{finding.id}: {text(finding.rule, language, {})} ({finding.rule})"
        )
    number = {"lanes": lanes, "records": records, "faults": len(findings)}
    click.echo(text("trail-sum", language, number))
    sys.exit(1 if findings else 0)


@audit.command
def anchor() -> None:
    """Print how far the trail goes, to be kept where nobody who could change it can.

    打印访问记录的当前锚点，请存放于本系统之外。
    """
    with _services() as (services, language):
        now = datetime.now(services.interpreters.zone).isoformat(timespec="seconds")
        click.echo(f"# {text('trail-anchor-comment', language, {'time': now})}")
        click.echo(str(inspection(services).anchor()))


@audit.command
@click.option("--since", type=click.DateTime(), required=True)
@click.option("--until", type=click.DateTime())
def export(since: datetime, until: datetime | None) -> None:
    """Write the AuditEvents of a period as lines of JSON; that they were is recorded itself.

    按时间段导出访问记录（NDJSON）；导出本身也留下记录。
    """
    with _services() as (services, _language):
        zone = services.interpreters.zone
        start, end = (
            None if one is None else int(one.replace(tzinfo=zone).timestamp()) * 1_000_000
            for one in (since, until)
        )
        asked = (("since", since.isoformat()), ("until", until.isoformat() if until else ""))
        services.trail.append(Event(act=TRAIL_USED, caller=Caller(kind="system"), facts=asked))
        for raw in inspection(services).records(start or 0, end):
            sys.stdout.buffer.write(raw + b"\n")


@contextmanager
def _services() -> Iterator[tuple[Services, Language]]:
    settings = settings_or_exit()
    try:
        with opened(settings) as services, refused():
            yield services, settings.language
    except FhirError as error:
        exit_with(error, settings.language)


def _anchor(file: Path, language: Language) -> Anchor:
    try:
        return Anchor.read(file.read_text("utf-8"))
    except ValueError:
        click.echo(text("trail-anchor-unreadable", language, {}), err=True)
        sys.exit(2)


def _found(
    inspected: Inspection, known: Anchor | None, language: Language
) -> tuple[list[Finding], int]:
    findings: list[Finding] = []
    records = 0
    with Progress(disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(text("trail-progress", language, {}), total=inspected.size())
        for finding in inspected.findings(known):
            if finding is None:
                records += 1
                progress.advance(task)
            else:
                findings.append(finding)
    return findings, records
