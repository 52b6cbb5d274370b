"""``tongkang import``: a file of rows, or documents, written as fast as the machine allows.

What was interrupted goes on from where it was. Rows that are not taken are in a file beside.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

from server.cli.checkpoints import Checkpoint, Checkpoints
from server.cli.database import located, serving
from server.cli.given import Given, given
from server.cli.rejected import Rejects
from server.cli.settings import exit_with, settings_or_exit
from server.cli.writers import Task, Writers, pieces
from server.fhir.messages import Language, text
from server.fhir.outcome import FhirError, Unavailable
from server.intake.counts import Counts
from server.intake.opening import Source
from server.interactions.quality.reporting import SUBMISSION
from server.services import Interpreters

_WORKERS = 2


@click.command("import")
@click.argument("dataset")
@click.argument("file", type=click.Path(exists=True, readable=True, path_type=Path))
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
    With CDA for DATASET, FILE is a document of WS/T 500 in XML, or a folder of them.

    导入 FILE，各行属于 DATASET。未收的行写入 FILE.rejects.csv，改正后可再次导入。
    DATASET 为 CDA 时，FILE 是一份 WS/T 500 共享文档（XML），或存放它们的文件夹。
    """
    settings = settings_or_exit()
    begun = monotonic()
    try:
        with located(settings) as known:
            done = _imported(Interpreters.of(known), dataset, file.resolve(), workers)
    except FhirError as error:
        exit_with(error, settings.language)
    except OSError as error:
        said = {"file": error.filename or file.name, "reason": error.strerror}
        exit_with(Unavailable.because("import-file-fails", **said), settings.language)
    _tell(done, settings.language, monotonic() - begun)
    sys.exit(1 if done.counts.rejected else 0)


@dataclass(frozen=True, slots=True)
class _Done:
    """What an import came to; `submission` is what its records are counted by, if there are any."""

    counts: Counts
    rejects: Rejects
    submission: str | None


def _imported(interpreters: Interpreters, name: str, path: Path, workers: int) -> _Done:
    language = interpreters.settings.language
    with (
        given(interpreters, name, path) as what,
        _progress(path.name, what.size, language) as progress,
        Writers(interpreters, _task(what), 1 if what.are_parts else workers) as writers,
        serving(interpreters) as services,
    ):
        checkpoints, mark = Checkpoints(services), what.mark
        found = checkpoints.find(mark)
        start = found or Checkpoint()
        if start.rows:
            click.echo(text("import-goes-on", language, {"rows": start.rows}), err=True)
        counts = Counts.of(start.counts)
        header = what.source.sheet.header
        with Rejects(path, header, start.rejects if found else None) as rejects:
            for piece in writers.written(pieces(_left(what.source, start.rows))):
                counts.add(piece.counts)
                size = rejects.add(piece.rejects)
                services.tallies.add_part(piece.quality, mark, counts.rows)
                checkpoints.put(mark, Checkpoint(counts.rows, size, counts.kept()))
                progress(what.place(counts.rows), counts)
        checkpoints.remove(mark)
    dataset = what.source.dataset
    is_counted = dataset is None or dataset.is_record
    return _Done(counts, rejects, mark if is_counted else None)


def _task(what: Given) -> Task:
    dataset = what.source.dataset
    return Task(None if dataset is None else dataset.name, what.mark)


def _left(source: Source, done: int) -> Source:
    """Return `source` without the rows that are `done`."""
    for _ in zip(range(done), source.sheet.rows, strict=False):
        continue
    return source


@contextmanager
def _progress(name: str, size: int, language: Language) -> Iterator["_Told"]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(name, total=size, told="")
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


def _tell(done: _Done, language: Language, seconds: float) -> None:
    counts = done.counts
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
    _tell_rejects(done.rejects, language)
    if done.submission is not None:
        identifier = f"{SUBMISSION}|{done.submission}"
        click.echo(text("import-quality", language, {"identifier": identifier}))


def _tell_rejects(rejects: Rejects, language: Language) -> None:
    said = {"file": str(rejects.path), "kept": str(rejects.kept)}
    if rejects.kept is not None:
        click.echo(text("import-rejects-kept", language, said), err=True)
    if rejects.is_begun_anew:
        click.echo(text("import-rejects-anew", language, said), err=True)
    if rejects.path.exists():
        click.echo(text("import-rejects", language, said), err=True)


_MOST_WARNINGS = 20
