"""The file of rejects beside a file that is imported."""

import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from server.intake import rejects


class Rejects:
    """Writes the rejects of `file`, whose columns have the headers `header`, from byte `start` on.

    What stands behind that was written by somebody who was interrupted. A file without a row is
    not left behind.
    """

    def __init__(self, file: Path, header: tuple[str, ...] | None, start: int) -> None:
        ending = ".rejects.ndjson" if header is None else ".rejects.csv"
        self.path = file.with_name(file.name + ending)
        self._header = b"" if header is None else rejects.header([one for one in header if one])
        self._start = start
        self._file: IO[bytes]

    def __enter__(self) -> Self:
        """Begin, or go on."""
        # They are about persons: nobody else on the machine reads them.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        self._file.truncate(self._start)
        self._file.seek(0, os.SEEK_END)
        if self._start == 0:
            self._file.write(self._header)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, and remove it if all rows were taken."""
        is_empty = self._file.tell() <= len(self._header)
        self._file.close()
        if is_empty:
            self.path.unlink()

    def add(self, lines: bytes) -> int:
        """Append `lines`, durably; return how long the file is."""
        if lines:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._file.tell()
