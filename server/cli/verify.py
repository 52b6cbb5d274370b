"""``tongkang verify``: the proof that a database is whole."""

import sys
from collections.abc import Iterator

import click
from rich.progress import Progress

from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError
from server.store.failures import refused
from server.store.verification import Finding, Verification

_SHOWN = 20


@click.command
def verify() -> None:
    """Prove that no version is missing and that every index entry agrees with its resource.

    Exits with 1 if anything is wrong.

    核查并证明：没有缺失的版本，每条索引都与资源一致。发现错误时以代码 1 退出。
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services, refused():
            registry = services.registry
            verification = Verification(
                services.store.engine, services.interpreters.index.entries, registry.is_reindexing
            )
            sizes = {type: verification.size(type) for type in verification.types()}
            findings = list(_found(verification, sizes, settings.language))
            unsettled = [type for type in sizes if registry.is_reindexing(type)]
    except FhirError as error:
        exit_with(error, settings.language)
    for finding in findings[:_SHOWN]:
        click.echo(_told(finding, settings.language))
    if unsettled:
        types = ", ".join(unsettled)
        click.echo(text("verify-reindexing", settings.language, {"types": types}))
    number = {"resources": sum(sizes.values()), "types": len(sizes), "faults": len(findings)}
    click.echo(text("verify-sum", settings.language, number))
    sys.exit(1 if findings else 0)


def _told(finding: Finding, language: Language) -> str:
    return f"{finding.type}/{finding.id}: {text(finding.rule, language, {})} ({finding.rule})"


def _found(
    verification: Verification, sizes: dict[str, int], language: Language
) -> Iterator[Finding]:
    with Progress() as progress:
        task = progress.add_task(text("verify-progress", language, {}), total=sum(sizes.values()))
        for type in sizes:
            for finding in verification.findings(type):
                if finding is None:
                    progress.advance(task)
                else:
                    yield finding
