"""``tongkang import``: a file of rows, written as fast as the machine allows.

What was interrupted goes on from where it was. Rows that are not taken are in a file beside.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import click
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from server.cli.checkpoints import Checkpoint, Checkpoints, fingerprint
from server.cli.database import located, serving
from server.cli.rejected import Rejects
from server.cli.settings import exit_with, settings_or_exit
from server.cli.writers import Writers, pieces
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError
from server.intake import formats, opening
from server.intake.counts import Counts
from server.intake.opening import Source
from server.services import Interpreters

_WORKERS = 2


@click.command("import")
@click.argument("dataset")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(1, 32),
    default=_WORKERS,
    show_default=True,
    help="How many processes write. / 写入进程数。",
)
def import_(dataset: str, file: Path, workers: int) -> None:
    """Import FILE, whose rows are of DATASET: InpatientFrontPage, 住院病案首页, or EncounterRecord.

    FILE is CSV in UTF-8 or GB18030, NDJSON or xlsx; its headers are Chinese names, DE or HDSD ids.
    Rows that are not taken are written to FILE.rejects.csv, which can be put right and imported.

    导入 FILE，各行属于 DATASET。未收的行写入 FILE.rejects.csv，改正后可再次导入。
    """
    settings = settings_or_exit()
    begun = monotonic()
    try:
        with located(settings) as known:
            counts, rejects = _imported(Interpreters.of(known), dataset, file, workers)
    except FhirError as error:
        exit_with(error, settings.language)
    _tell(counts, rejects, settings.language, monotonic() - begun)
    sys.exit(1 if counts.rejected else 0)


def _imported(
    interpreters: Interpreters, name: str, file: Path, workers: int
) -> tuple[Counts, Path]:
    language = interpreters.settings.language
    dataset = opening.named(interpreters.datasets, name)
    # Of a visit that several rows tell of, one after another is put over what is there.
    if dataset is not None and dataset.head.is_part:
        workers = 1
    with (
        file.open("rb") as stream,
        _progress(file, language) as progress,
        Writers(interpreters, dataset, workers) as writers,
        serving(interpreters) as services,
    ):
        source = opening.opened(stream, formats.of_name(file.name), None, dataset)
        checkpoints = Checkpoints(services)
        mark = fingerprint(file, name)
        start = checkpoints.find(mark) or Checkpoint()
        if start.rows:
            click.echo(text("import-goes-on", language, {"rows": start.rows}), err=True)
        counts = Counts.of(start.counts)
        with Rejects(file, source.sheet.header, start.rejects) as rejects:
            for piece in writers.written(pieces(_left(source, start.rows))):
                counts.add(piece.counts)
                size = rejects.add(piece.rejects)
                checkpoints.put(mark, Checkpoint(counts.rows, size, counts.kept()))
                progress(stream.tell(), counts)
        checkpoints.remove(mark)
    return counts, rejects.path


def _left(source: Source, done: int) -> Source:
    """Return `source` without the rows that are `done`."""
    for _ in zip(range(done), source.sheet.rows, strict=False):
        continue
    return source


@contextmanager
def _progress(file: Path, language: Language) -> Iterator["_Told"]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size, told="")
        yield _Told(progress, task, language)


class _Told:
    """Shows how far an import is."""

    def __init__(self, progress: Progress, task: TaskID, language: Language) -> None:
        self._progress = progress
        self._task = task
        self._language = language

    def __call__(self, place: int, counts: Counts) -> None:
        """Show that the file is read up to `place`, and what came of that."""
        said = {"rows": counts.rows, "rejected": counts.rejected}
        told = text("import-progress", self._language, said)
        self._progress.update(self._task, completed=place, told=told)


def _tell(counts: Counts, rejects: Path, language: Language, seconds: float) -> None:
    said = {
        "rows": counts.rows,
        "written": counts.taken - counts.unchanged,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "resources": counts.resources,
        "seconds": round(seconds, 1),
        "rate": round(counts.resources / max(seconds, 0.001)),
    }
    click.echo(text("import-done", language, said))
    if counts.taken and counts.taken == counts.unchanged:
        click.echo(text("import-nothing-new", language, {}))
    for told, count in counts.warnings.most_common(_MOST_WARNINGS):
        click.echo(text("import-warning", language, {"told": told, "count": count}), err=True)
    if counts.rejected:
        click.echo(text("import-rejects", language, {"file": str(rejects)}), err=True)


_MOST_WARNINGS = 20
