"""Measure what the trail costs: ``python -m tests.bench.trail``.

Appends alone, by one thread and by eight; how soon an auditor has the latest of the reads that were
kept together, and their number, and how fast all get records of their own; then reads by id, of all
types that the neutral benchmark has, at concurrency 8 from a server that asks nobody and from two
that ask for tokens, one without a spool, in turn. The CPU time of a round is read once its records
have left the spool, so what is done later is paid for as well. Rounds are many, for others use the
machine too: the median is told, and the upper quarter, which had most of it to itself. Prints
Markdown. BENCH names the folder of the neutral benchmark.
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
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pymongo import MongoClient

from server.access.caller import Caller, Party
from server.access.policy import Right, Rights
from server.audit.event import Event, rest
from server.auth.development import Wanted, token
from server.context import Context
from server.door import perform
from server.interactions.call import Call, Disclosed
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.embedded import EmbeddedMongo
from tests import processes
from tests.bench.run import cpu, neutral_benchmark

SECONDS = float(os.environ.get("SECONDS", "4"))
ROUNDS = int(os.environ.get("ROUNDS", "12"))
SPOOLED_SECONDS = 1.5
CALLERS = int(os.environ.get("CALLERS", "8"))
PATIENTS = "200"
UNFOLDED = 20_000


def batches(url: str) -> tuple[int, int]:
    """Return how many records were appended, and in how many batches."""
    with MongoClient(url) as client:
        status = client.admin.command("serverStatus")
    return status["opcounters"]["insert"], status["metrics"]["commands"]["insert"]["total"]


def used(pid: int) -> float:
    """Return the CPU seconds that the process `pid` has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as made, EmbeddedMongo(Path(made) / "mongodb") as url:
        with MongoClient(url) as client:
            mongod = int(client.admin.command("serverStatus")["pid"])
        settings = Settings(mongodb_url=url, database="bench")
        services = Services.open(Interpreters.of(settings), bytes)
        try:
            appends(services, mongod)
            unfolding(services.interpreters, settings, Path(made) / "unfolded")
            reads(Path(made), url, token(services, Wanted(scope="system/*.rs")), mongod)
        finally:
            services.close()


def stored(folder: Path, base: str) -> list[str]:
    """Have the server at `base` store what the neutral benchmark makes, and return the names."""
    generate = [sys.executable, neutral_benchmark() / "gen.py", "--patients", PATIENTS]
    subprocess.run([*generate, "--out", folder], check=True, stdout=subprocess.DEVNULL)
    names = []
    for line in (folder / "bundles.ndjson").read_bytes().splitlines():
        headers = {"Content-Type": "application/fhir+json"}
        with urllib.request.urlopen(urllib.request.Request(base, line, headers)) as response:
            entries = json.load(response)["entry"]
        places = [entry["response"]["location"] for entry in entries]
        names += ["/".join(one.removeprefix(f"{base}/").split("/")[:2]) for one in places]
    return names


CALLER = Caller(
    kind="staff",
    account="a1",
    person=Party("Practitioner/p1", "王医生"),
    organization=Party("Organization/o1", "第一医院"),
    role="clinician",
    client=Party("emr-1", "EMR"),
    grant="g1",
)


def read_of(n: int) -> Event:
    """Return the event of reading an Observation, the one with this number."""
    shown = (Disclosed("Observation", f"o{n}", 1, (f"Patient/p{n % 1000}",)),)
    return Event(
        act=rest("read"), caller=CALLER, address="10.0.0.8", request=f"GET Observation/o{n}",
        shown=shown,
    )  # fmt: skip


def unfolding(interpreters: Interpreters, settings: Settings, spool: Path) -> None:
    """Keep reads together, have all of them unfolded, and print how fast that goes."""
    apart = replace(settings, database="bench_unfolding", spool_folder=spool)
    services = Services.open(replace(interpreters, settings=apart), bytes)
    try:
        for n in range(UNFOLDED):
            services.trail.append(read_of(n))
        services.trail.confirm()
        ways = {"the latest 50 of them": ("_count", "50"), "their number": ("_summary", "count")}
        told = [f"{way} in {1000 * asked(services, one):.0f} ms" for way, one in ways.items()]
        print(f"\nOf {UNFOLDED} reads that were kept together an auditor has {', '.join(told)}.")
        start = time.perf_counter()
        services.trail.unfold({})
        rate = UNFOLDED / (time.perf_counter() - start)
    finally:
        services.close()
    print(f"\n{rate:.0f} reads that were kept together are unfolded a second.")


def asked(services: Services, *query: tuple[str, str]) -> float:
    """Search the trail as an auditor does, and return how many seconds that took."""
    rights = Rights(
        caller=Caller(kind="staff", role="auditor"),
        rights=(Right("AuditEvent", frozenset("rs")),),
    )
    context = Context.of(services, services.access(rights), "en")
    call = Call(interaction="search-type", type="AuditEvent", query=query)
    start = time.perf_counter()
    perform(context, call)
    return time.perf_counter() - start


def appends(services: Services, mongod: int) -> None:
    """Append events and print what one costs."""

    def append(n: int) -> int:
        return services.trail.append(read_of(n))

    print("| threads | appends/s | CPU in Python, µs | CPU in mongod, µs |")
    print("|---|---|---|---|")
    for threads in (1, 8):
        count = 500 * threads
        append(0)
        start, python, database = time.perf_counter(), time.process_time(), used(mongod)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(append, range(count)))
        rate = count / (time.perf_counter() - start)
        inside, outside = time.process_time() - python, used(mongod) - database
        print(
            f"| {threads} | {rate:.0f} | {inside / count * 1e6:.0f} | {outside / count * 1e6:.0f} |"
        )


def reads(folder: Path, url: str, bearer: str, mongod: int) -> None:
    """Read from a server with and from one without the trail in turn, and print the rates."""
    asked = {"Authorization": f"Bearer {bearer}"}
    kinds = {"open": {}, "oauth": asked, "oauth, spool": asked}
    calm = {"mongodb_url": url, "database": "bench", "log_level": "info"}
    servers = {
        "open": processes.Server(folder / "open.log", access="open", **calm),
        "oauth": processes.Server(folder / "oauth.log", access="oauth", **calm),
        "oauth, spool": processes.Server(
            folder / "spool.log", access="oauth", spool_folder=folder / "spool", **calm
        ),
    }
    try:
        for server in servers.values():
            server.start().ready()
        names = stored(folder / "data", servers["open"].base)
        seen = {access: [] for access in kinds}
        for _ in range(ROUNDS):
            for access, server in servers.items():
                seen[access].append(asyncio.run(measured(server, names, kinds[access], mongod)))
    finally:
        for server in servers.values():
            server.stop()
    print(
        "\n| access | reads/s, median | best quarter | p50 ms | CPU of server, µs | of mongod, µs |"
    )
    print("|---|---|---|---|---|---|")
    for access, rounds in seen.items():
        rates, middles, costs, database = zip(*rounds, strict=True)
        figures = [statistics.median(middles) * 1e3, quiet(costs) * 1e6, quiet(database) * 1e6]
        told = f"{statistics.median(rates):.0f} | {-quiet([-rate for rate in rates]):.0f}"
        print(f"| {access} | {told} | {figures[0]:.1f} | {figures[1]:.0f} | {figures[2]:.0f} |")
    best = {name: -quiet([-each[0] for each in seen[name]]) for name in kinds}
    slower = {name: (best["open"] / rate - 1) * 100 for name, rate in best.items()}
    told = f"{slower['oauth, spool']:.0f} % longer, without a spool {slower['oauth']:.0f} %"
    print(f"\nIn the best quarter of the rounds an authorised read takes {told}.")


def quiet(values: Sequence[float]) -> float:
    """Return the lower quartile of `values`."""
    return statistics.quantiles(values, n=4)[0]


async def measured(server, names, headers, mongod) -> tuple[float, ...]:
    """Return reads a second, the median time, and CPU seconds of server and mongod for one."""
    host, port = server.base.split("/")[2].split(":")
    end, times = time.perf_counter() + SECONDS, []
    before, database = cpu(server), used(mongod)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (start := time.perf_counter()) < end:
            path = f"/fhir/{random.choice(names)}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert " 200 " in head.split("\r\n")[0], head
            await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
            times.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    count = len(times)
    await asyncio.sleep(SPOOLED_SECONDS)
    inside, outside = (cpu(server) - before) / count, (used(mongod) - database) / count
    return count / SECONDS, statistics.median(times), inside, outside


if __name__ == "__main__":
    main()
