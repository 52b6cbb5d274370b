"""The file of rejects beside a file that is imported."""

import filecmp
import os
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from server.intake import rejects


class Rejects:
    """Writes the rejects of `file`, whose columns have the headers `header`, from byte `start` on.

    What stands behind that was written by somebody who was interrupted. Without a `start`, or where
    what is there is not what was written up to it, the file is begun; what somebody may be putting
    right is `kept` under another name. A file without a row is not left behind.
    """

    def __init__(self, file: Path, header: tuple[str, ...] | None, start: int | None) -> None:
        self._name, self._ending = f"{file.name}.rejects", "ndjson" if header is None else "csv"
        self.path = file.with_name(f"{self._name}.{self._ending}")
        self.kept: Path | None = None
        self._header = b"" if header is None else rejects.header([one for one in header if one])
        self._start = start
        self.is_begun_anew = False
        self._file: IO[bytes]

    def __enter__(self) -> Self:
        """Begin, or go on."""
        start = self._start if self._start is not None and self._is_there(self._start) else None
        self.is_begun_anew = start is None and bool(self._start)
        if start is None:
            self._keep()
        # They are about persons: nobody else on the machine reads them.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(descriptor, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        self._file.truncate(start or 0)
        self._file.seek(0, os.SEEK_END)
        if not start:
            self._file.write(self._header)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file; remove it if all rows were taken, and what was kept if it is the same."""
        is_empty = self._file.tell() <= len(self._header)
        self._file.close()
        if is_empty:
            self.path.unlink()
        elif self.kept is not None and filecmp.cmp(self.path, self.kept, shallow=False):
            self.kept.unlink()
            self.kept = None

    def add(self, lines: bytes) -> int:
        """Append `lines`, durably; return how long the file is."""
        if lines:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._file.tell()

    def _is_there(self, start: int) -> bool:
        """Tell whether the first bytes of the file, up to `start`, can be what was written."""
        if start == 0:
            return True
        if not self.path.is_file() or self.path.stat().st_size < start:
            return False
        with self.path.open("rb") as file:
            begins = file.read(len(self._header)) == self._header
            file.seek(start - 1)
            return begins and file.read(1) == b"\n"

    def _keep(self) -> None:
        """Give the file another name if there is a row in it."""
        if not self.path.is_file() or self.path.stat().st_size <= len(self._header):
            return
        names = (f"{self._name}.{number}.{self._ending}" for number in count(1))
        self.kept = next(one for one in map(self.path.with_name, names) if not one.exists())
        self.path.rename(self.kept)
