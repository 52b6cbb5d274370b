"""What ``tongkang import`` is given: a file of rows, or documents of WS/T 500 in a file or folder.

Each is known by its content and its name, so that what was interrupted can go on, and what comes
again is not counted again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from server.fhir.outcome import BadRequest
from server.intake import documents, formats, opening
from server.intake.opening import Source
from server.services import Interpreters

DOCUMENTS = "CDA"
"""How documents are called in the place of a data set: each says itself of what it is."""


@dataclass(frozen=True, slots=True)
class Given:
    """The `source` of rows, called `mark`; `place` tells how much of `size` is read by a row.

    Where rows `are_parts` of one thing, one after another is put over what is there.
    """

    source: Source
    mark: str
    size: int
    place: Callable[[int], int]
    are_parts: bool


@contextmanager
def given(interpreters: Interpreters, name: str, path: Path) -> Iterator[Given]:
    """Give what is at `path`, rows of the data set called `name`.

    Raises NotFound, BadRequest and Unprocessable for what cannot be imported, and OSError.
    """
    if name == DOCUMENTS:
        files = documents.found(path)
        sheet = documents.sheet(path, files)
        mark = _mark(name, path, files)
        yield Given(Source(sheet, None), mark, len(files), lambda row: row, are_parts=True)
        return
    dataset = opening.named(interpreters.datasets, name)
    if path.is_dir():
        raise BadRequest.because("import-folder", name=DOCUMENTS)
    with path.open("rb") as stream:
        source = opening.opened(stream, formats.of_name(path.name), None, dataset)
        mark = _mark(name, path, [path])
        size, are_parts = path.stat().st_size, dataset is not None and dataset.head.is_part
        yield Given(source, mark, size, lambda _: stream.tell(), are_parts)


def _mark(name: str, path: Path, files: list[Path]) -> str:
    """Return what the import of the content of `files` as `name` is called."""
    mark = sha256(f"{name}|{path.name}".encode("utf-8", "surrogateescape"))
    for file in files:
        mark.update(f"|{file.relative_to(path)}|".encode("utf-8", "surrogateescape"))
        with file.open("rb") as stream:
            mark.update(file_digest(stream, "sha256").digest())
    return mark.hexdigest()
