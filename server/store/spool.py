"""What a process has recorded and the trail does not have yet: files of its own on this host.

To put a line into a file's memory takes a hundredth of the time that the database takes, and no
thread waits for another meanwhile; what is there outlives the process. Each process writes one
segment after the other, and holds a lock on each until the trail has all that is in it. A segment
that nobody holds was left by a process that was killed; whoever finds it takes it over.

What many lines begin with stands in a segment once, as ``=beginning``; lines name it by its number:
``0 line`` is one that begins with the first.

Spec: https://man7.org/linux/man-pages/man2/flock.2.html,
https://man7.org/linux/man-pages/man2/mmap.2.html (MAP_SHARED)
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from secrets import token_hex
from time import time_ns

_SUFFIX = ".spool"
_WANTED = "wanted"
_PRIVATE = 0o600
_SIZE = 1 << 18
_MARGIN = 32
"""No less than the marks and the number that a first line has."""


@dataclass(slots=True)
class Segment:
    """A file that this process holds, and the `memory` of it up to whose `end` it has written."""

    path: Path
    descriptor: int
    memory: mmap | None = None
    end: int = 0
    beginnings: dict[bytes, int] = field(default_factory=dict)

    def append(self, beginning: bytes, rest: bytes) -> bool:
        """Write the line of `beginning` and `rest`; False if there is no room for it."""
        number = self.beginnings.get(beginning)
        if number is None:
            number = len(self.beginnings)
            if not self._put(b"=%b\n" % beginning):
                return False
            self.beginnings[beginning] = number
        return self._put(b"%d %b\n" % (number, rest))

    def _put(self, text: bytes) -> bool:
        end = self.end + len(text)
        if self.memory is None or end > len(self.memory):
            return False
        self.memory[self.end : end] = text
        self.end = end
        return True

    def text(self) -> bytes:
        """Return what was written: lines, the last of which may be cut off."""
        # A process that was killed may have written the last of its bytes before the first.
        return self.path.read_bytes().partition(b"\0")[0]

    def close(self) -> None:
        """Hold the file no longer."""
        if self.memory is not None:
            self.memory.close()
        os.close(self.descriptor)


def lines(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the beginning and the rest of the lines in the `text` of a segment, in order.

    Of the last one the rest may be cut off, of lines that are broken there is no beginning.
    """
    beginnings: dict[bytes, bytes] = {}
    for line in filter(None, text.split(b"\n")):
        if line.startswith(b"="):
            beginnings[b"%d" % len(beginnings)] = line[1:]
        else:
            number, _, rest = line.partition(b" ")
            yield beginnings.get(number, b""), rest


class Spool:
    """The segments in `folder`, of this process and of others on this host.

    One thread at a time writes, or ends a segment. Nearly every method raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: list[Segment] = []
        self._own: set[str] = set()
        self._asked = 0

    def write(self, beginning: bytes, rest: bytes) -> None:
        """Append a line, of which many have this `beginning`; there is no line feed, nor a NUL."""
        if not self._written or not self._written[-1].append(beginning, rest):
            size = len(beginning) + len(rest) + _MARGIN
            self._begin(max(_SIZE, size)).append(beginning, rest)

    def turn(self) -> list[Segment]:
        """End what was written, and return it."""
        ended, self._written = self._written, []
        return ended

    def drop(self, segment: Segment) -> None:
        """Remove `segment`, for the trail has all of it."""
        segment.path.unlink(missing_ok=True)
        segment.close()
        self._own.discard(segment.path.name)

    def leave(self, segment: Segment) -> None:
        """Leave `segment` to whoever looks next."""
        segment.close()
        self._own.discard(segment.path.name)

    def left(self) -> Iterator[Segment]:
        """Yield each segment that nobody holds any more, which this process now does."""
        for path in self._of_others():
            with suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                with _closed_on_failure(descriptor):
                    is_taken = _is_taken(descriptor)
                if is_taken:
                    self._own.add(path.name)
                    yield Segment(path, descriptor)
                else:
                    os.close(descriptor)

    def pending(self) -> set[str]:
        """Return the names of the segments of other processes that are there now."""
        return {path.name for path in self._of_others()}

    def want(self) -> None:
        """Ask all processes to have the trail take what they have."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / _WANTED).touch(mode=_PRIVATE)
        os.utime(self._folder / _WANTED, ns=(time_ns(), time_ns()))

    def is_wanted(self) -> bool:
        """Tell whether somebody has asked for that since this was last asked."""
        try:
            asked = (self._folder / _WANTED).stat().st_mtime_ns
        except OSError:
            return False
        is_new, self._asked = asked != self._asked, asked
        return is_new

    def _of_others(self) -> list[Path]:
        try:
            found = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return []
        return [one for one in found if one.suffix == _SUFFIX and one.name not in self._own]

    def _begin(self, size: int) -> Segment:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time_ns():020}-{os.getpid()}-{token_hex(4)}"
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        new, path = self._folder / name, self._folder / f"{name}{_SUFFIX}"
        descriptor = os.open(new, flags, _PRIVATE)
        with _closed_on_failure(descriptor, new):
            # There has to be room on the disk, for to write to memory cannot fail.
            os.posix_fallocate(descriptor, 0, size)
            memory = mmap(descriptor, size)
            # Whoever finds it has to find it held.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._own.add(path.name)
            new.rename(path)
        segment = Segment(path, descriptor, memory)
        self._written.append(segment)
        return segment


@contextmanager
def _closed_on_failure(descriptor: int, made: Path | None = None) -> Iterator[None]:
    """Close the file and remove what was `made` if the block fails."""
    try:
        yield
    except BaseException:
        os.close(descriptor)
        if made is not None:
            made.unlink(missing_ok=True)
        raise


def _is_taken(descriptor: int) -> bool:
    """Take the lock on a file that is still there; tell whether that was possible."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0
