"""Documents of WS/T 500 on the disk: each file is a row, read when it is written.

Spec: docs/cda.md, https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from collections.abc import Sequence
from pathlib import Path

from server.fhir.outcome import Unprocessable
from server.intake.rows import Row, Sheet

_HEADER = ("file",)
"""What stands in a file of rejects instead of the row: where the document is."""
_ENDING = ".xml"


def found(path: Path) -> list[Path]:
    """Return the file `path`, or all documents in the folder that it is, in order of their names.

    Raises Unprocessable if there is none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(
        one for one in path.rglob("*") if one.suffix.lower() == _ENDING and one.is_file()
    )
    if not files:
        raise Unprocessable.because("intake-no-documents", ending=_ENDING)
    return files


def sheet(path: Path, files: Sequence[Path]) -> Sheet:
    """Return `files`, which are at or below `path`, as rows, each with its place below that."""
    within = path if path.is_dir() else path.parent
    rows = (
        Row(number, _HEADER, (str(file.relative_to(within)),), document=file)
        for number, file in enumerate(files, 1)
    )
    return Sheet(_HEADER, rows)
