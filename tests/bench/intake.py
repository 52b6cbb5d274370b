"""Measure the doors for records and rows: ``python -m tests.bench.intake [ROWS]``.

First CALLERS connections post EncounterRecords, each of another visit, to a server of its own with
its MongoDB; then `tongkang import` reads a file of ROWS front pages (100,000 unless said), and the
same file again. All of it is validated, projected and durable. Prints records and resources a
second, and the most memory that the importer has had, process by process.
"""

import http.client
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from server.fhir.json import dumps
from server.services import Interpreters
from server.settings import Settings
from server.store.embedded import EmbeddedMongo
from tests import processes
from tests.intake import files

CALLERS = int(os.environ.get("CALLERS", "8"))
SECONDS = float(os.environ.get("SECONDS", "15"))
WORKERS = os.environ.get("WORKERS", "2")
ROWS = 100_000
_MADE = 4000
_PIECE = 5000
_OTHERS = 1_000_000


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    bodies = list(records(min(_MADE, rows)))
    with tempfile.TemporaryDirectory() as made, EmbeddedMongo(Path(made) / "mongodb") as url:
        settings = {"mongodb_url": url, "database": "bench", "access": "open", "language": "en"}
        server = processes.Server(Path(made) / "server.log", **settings, workers=2)
        server.start()
        server.ready()
        try:
            posted(server.base, bodies)
        finally:
            server.stop()
        file = Path(made) / "pages.csv"
        write(file, rows)
        size = file.stat().st_size / 1024**2
        for name in ("first", "again"):
            print(f"\nimport, {name}: {rows} rows, {size:.1f} MB, {WORKERS} workers")
            imported(file, settings)


def records(count: int) -> Iterator[bytes]:
    """Yield records of so many visits (`count`), none of which is in the file of rows."""
    dataset = Interpreters.of(Settings()).datasets.find("InpatientFrontPage")
    for number in range(_OTHERS, _OTHERS + count):
        record = dataset.read(files.front_page(number)).record
        yield dumps(record)


def posted(base: str, bodies: list[bytes]) -> None:
    """Have `bodies` posted, and print how that went."""
    end = time.monotonic() + SECONDS
    begun = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as callers:
        done = callers.map(lambda n: _posted(base, bodies[n::CALLERS], end), range(CALLERS))
        times = sorted(seconds for each in done for seconds in each)
    took = time.monotonic() - begun
    p50, p99 = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
    print(f"POST EncounterRecord, {CALLERS} callers: {len(times) / took:.0f} records/s; ", end="")
    print(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms")


def _posted(base: str, bodies: list[bytes], end: float) -> list[float]:
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    headers = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}
    times: list[float] = []
    for body in bodies:
        begun = time.monotonic()
        if begun > end:
            break
        connection.request("POST", f"{parts.path}/EncounterRecord", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 201:
            sys.exit(f"{answer.status}: {content[:400]!r}")
        times.append(time.monotonic() - begun)
    connection.close()
    return times


def write(file: Path, rows: int) -> None:
    """Write so many front pages to `file`."""
    with file.open("wb") as stream:
        for start in range(0, rows, _PIECE):
            numbers = range(start, min(start + _PIECE, rows))
            content = files.csv_of([files.front_page(number) for number in numbers])
            stream.write(content if start == 0 else content.partition(b"\n")[2])


def imported(
    file: Path,
    settings: dict[str, str],
    dataset: str = "InpatientFrontPage",
    killed_after: float | None = None,
) -> None:
    """Import `file`, and print what was said, how long it took and the most memory.

    With `killed_after` all its processes are killed after so many seconds.
    """
    log = file.parent / "import.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "server.cli", "import", "--workers", WORKERS]
    process = processes.Process([*command, dataset, str(file)], log, **settings)
    process.start()
    begun = time.monotonic()
    peaks: dict[int, int] = {}
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(process.child.pid, peaks, over))
    watch.start()
    if killed_after is not None:
        time.sleep(killed_after)
        process.kill()
    process.child.wait()
    over.set()
    watch.join()
    said = log.read_text().strip().splitlines()
    print("\n".join(line for line in said if re.search("rows read|nothing has changed", line)))
    told = ", ".join(f"{peak / 1024:.0f} MB" for peak in sorted(peaks.values(), reverse=True))
    print(f"{time.monotonic() - begun:.0f} s; most memory of each process: {told}")


def _watch(pid: int, peaks: dict[int, int], over: threading.Event) -> None:
    while not over.wait(0.2):
        for each in (pid, *processes.children(pid)):
            try:
                status = Path(f"/proc/{each}/status").read_text()
            except OSError:
                continue
            peak = re.search(r"VmHWM:\s+(\d+)", status)
            if peak:
                peaks[each] = max(peaks.get(each, 0), int(peak[1]))


if __name__ == "__main__":
    main()
