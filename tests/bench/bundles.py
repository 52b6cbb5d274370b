"""Measure transactions of 100 entries: ``python -m tests.bench.bundles``.

Bundles of the neutral benchmark (BENCH names its folder), made beforehand, are posted by CALLERS
connections to a server of its own with its MongoDB, with all checks and indexes and majority
writes. Prints, for each round, resources a second, for each core of the whole machine, and whose
processor time it was.
"""

import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from server.store.embedded import EmbeddedMongo
from tests import processes
from tests.bench.run import neutral_benchmark

CALLERS = int(os.environ.get("CALLERS", "8"))
SECONDS = float(os.environ.get("SECONDS", "15"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
MADE = 300
SIZE = 100
_TICK = os.sysconf("SC_CLK_TCK")


class _Target:
    """What the neutral benchmark asks of a server for making its bundles."""

    meta = None

    def __init__(self) -> None:
        self._numbers = count()

    def serial(self) -> str:
        return f"B{next(self._numbers):09d}"


def main() -> None:
    """Measure and print."""
    sys.path.insert(0, str(neutral_benchmark()))
    import bench  # noqa: PLC0415  # it is where BENCH says

    target, chance = _Target(), random.Random(1)
    bodies = [
        json.dumps(bench.tx100(target, chance, number * SIZE), ensure_ascii=False).encode()
        for number in range(MADE)
    ]
    with tempfile.TemporaryDirectory() as made, EmbeddedMongo(Path(made) / "mongodb") as url:
        settings = {"mongodb_url": url, "database": "bench", "access": "open"}
        server = processes.Server(Path(made) / "server.log", log_level="warning", **settings)
        server.start()
        server.ready()
        try:
            measured = [_round(server, bodies, number) for number in range(ROUNDS + 1)]
        finally:
            server.stop()
    # The first is to warm up.
    per_core = statistics.median(one for one in measured[1:])
    print(f"\nmedian: {per_core:.0f} resources a second and core")


def _round(server: processes.Server, bodies: list[bytes], number: int) -> float:
    groups = _groups(server)
    before = {name: _ticks(found) for name, found in groups.items()}
    own, begun = time.process_time(), time.monotonic()
    end = begun + SECONDS
    with ThreadPoolExecutor(CALLERS) as callers:
        done = list(
            callers.map(lambda n: _caller(server.base, bodies[n::CALLERS], end), range(CALLERS))
        )
    took = time.monotonic() - begun
    times = sorted(seconds for each in done for seconds in each)
    rate = len(times) * SIZE / took
    per_core = rate / (os.cpu_count() or 1)
    used = {name: (_ticks(found) - before[name]) / _TICK / took for name, found in groups.items()}
    used["client"] = (time.process_time() - own) / took
    cores = ", ".join(f"{name} {value:.2f}" for name, value in used.items())
    p50, p99 = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
    name = "warming up" if number == 0 else f"round {number}"
    print(
        f"{name}: {rate:.0f} resources/s, {per_core:.0f} a core; p50 {p50:.0f} ms, p99 {p99:.0f} ms"
    )
    print(f"  cores used: {cores}")
    return per_core


def _caller(base: str, bodies: list[bytes], end: float) -> list[float]:
    """Post `bodies` until `end`; return the time of each. Raises SystemExit for a wrong answer."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    times: list[float] = []
    for body in _again(bodies, lambda: time.monotonic() < end):
        begun = time.monotonic()
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200 or content.count(b'"201 Created"') != SIZE:
            sys.exit(f"{answer.status}: {content[:400]!r}")
        times.append(time.monotonic() - begun)
    connection.close()
    return times


def _again(bodies: list[bytes], goes_on: Callable[[], bool]) -> Iterator[bytes]:
    while True:
        for body in bodies:
            if not goes_on():
                return
            yield body


def _groups(server: processes.Server) -> dict[str, list[int]]:
    """Return the ids of the processes of the server and of MongoDB."""
    below = processes.children(server.child.pid)
    mongod = processes.named(processes.children(os.getpid()), "--dbpath")
    return {"server": [server.child.pid, *below], "MongoDB": mongod}


def _ticks(found: list[int]) -> int:
    total = 0
    for process in found:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


if __name__ == "__main__":
    main()
