"""Measure the server on this machine: ``make bench``.

Runs the neutral benchmark against a server of its own, then reads by id in turn
from that server and from a bare Flask view under the same gunicorn. Prints
Markdown.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server.store.embedded import EmbeddedMongo
from tests import processes

PATIENTS = os.environ.get("PATIENTS", "1000")
OPERATIONS = "read,vread,by_identifier,by_family,obs50,obs50_sorted,create_Patient,"
OPERATIONS += "create_Observation,create_Encounter,update_ifmatch"
CALLERS = (8, 32)
SECONDS = float(os.environ.get("SECONDS", "4"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def main() -> None:
    """Measure and print."""
    bench = neutral_benchmark()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with EmbeddedMongo(folder / "mongodb") as url:
            settings = {"mongodb_url": url, "database": "bench", "log_level": "info"}
            ours = processes.Server(folder / "ours.log", **settings)
            bare = processes.Server(
                folder / "bare.log", application="tests.bench.bare:app", **settings
            )
            try:
                for server in (ours, bare):
                    server.start()
                    server.ready()
                neutral(bench, folder, ours)
                reads(folder, {"Tongkang": ours, "bare Flask view": bare})
            finally:
                ours.stop()
                bare.stop()


def neutral_benchmark() -> Path:
    """Return the folder that BENCH names, which has bench.py and gen.py.

    Raises SystemExit if it does not.
    """
    folder = Path(os.environ.get("BENCH", ""))
    if not (folder / "bench.py").is_file():
        sys.exit("BENCH has to name the folder of the neutral benchmark, bench.py and gen.py.")
    return folder


def neutral(bench: Path, folder: Path, ours: processes.Server) -> None:
    """Run the neutral benchmark and print its table."""
    data = folder / "data"
    generate = [sys.executable, bench / "gen.py", "--patients", PATIENTS, "--out", data]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    command = [
        sys.executable, bench / "bench.py", "--base", ours.base, "--data", data,
        "--out", folder / "result.json", "--md", folder / "result.md", "--state", folder,
        "--ops", OPERATIONS, "--seconds", str(SECONDS), "--rounds", str(ROUNDS),
        "--load-conc", "16", "--pids", str(ours.child.pid),
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print((folder / "result.md").read_text())


def reads(folder: Path, servers: dict[str, processes.Server]) -> None:
    """Read by id from each of `servers` in turn and print the rates side by side."""
    state = json.loads((folder / "server.json").read_text())
    ids = [patient["id"] for patient in state["patients"]]
    print("\n| read by id | callers | reads/s, each round | p50 ms | CPU of the server, µs |")
    print("|---|---|---|---|---|")
    for callers in CALLERS:
        seen = {name: [] for name in servers}
        for _ in range(ROUNDS):
            for name, server in servers.items():
                seen[name].append(asyncio.run(measured(server, ids, callers)))
        for name, rounds in seen.items():
            rates, middles, costs = zip(*rounds, strict=True)
            each = ", ".join(f"{rate:.0f}" for rate in rates)
            middle, cost = statistics.median(middles) * 1000, statistics.median(costs) * 1e6
            print(f"| {name} | {callers} | {each} | {middle:.1f} | {cost:.0f} |", flush=True)


async def measured(server: processes.Server, ids: list[str], callers: int) -> tuple[float, ...]:
    """Return reads a second, the median time of one, and CPU seconds of the server for one."""
    host, port = server.base.split("/")[2].split(":")
    end, times, before = time.perf_counter() + SECONDS, [], cpu(server)

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (start := time.perf_counter()) < end:
            path = f"/fhir/Patient/{random.choice(ids)}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert " 200 " in head.split("\r\n")[0], head
            await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
            times.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    return len(times) / SECONDS, statistics.median(times), (cpu(server) - before) / len(times)


def cpu(server: processes.Server) -> float:
    """Return the CPU seconds that the processes of `server` have used."""
    pids = [server.child.pid, *processes.children(server.child.pid)]
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
