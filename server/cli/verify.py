"""``tongkang verify``: the proof that a database is whole."""

import sys
from collections.abc import Iterator

import click
from rich.progress import Progress

from server.cli.database import opened
from server.cli.settings import exit_with, settings_or_exit
from server.fhir.outcome import FhirError
from server.store.verification import Finding, Verification

_SHOWN = 20


@click.command
def verify() -> None:
    """Prove that no version is missing and that every index entry agrees with its resource.

    Exits with 1 if anything is wrong.
    """
    settings = settings_or_exit()
    try:
        with opened(settings) as services:
            verification = Verification(services.store.engine, services.interpreters.index.entries)
            sizes = {type: verification.size(type) for type in verification.types()}
            findings = list(_found(verification, sizes))
    except FhirError as error:
        exit_with(error, settings.language)
    for finding in findings[:_SHOWN]:
        click.echo(f"{finding.type}/{finding.id}: {finding.rule}")
    click.echo(f"{sum(sizes.values())} resources of {len(sizes)} types; {len(findings)} faults.")
    sys.exit(1 if findings else 0)


def _found(verification: Verification, sizes: dict[str, int]) -> Iterator[Finding]:
    with Progress() as progress:
        task = progress.add_task("verify", total=sum(sizes.values()))
        for type in sizes:
            for finding in verification.findings(type):
                if finding is None:
                    progress.advance(task)
                else:
                    yield finding
