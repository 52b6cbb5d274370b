"""Measure how searches keep up as data grows: ``python -m tests.bench.scale 1000 20000``.

For each number of residents it fills a database of its own, past HTTP but through the same checks
and the same store, with the neutral benchmark's residents (BENCH names its folder), and then runs
that benchmark's searches. Prints Markdown. What was filled stays in the folder KEEP, if that is
given, and is not filled again.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from server.access.policy import OPEN
from server.context import Context
from server.fhir import json as fhir_json
from server.interactions.call import Call
from server.interactions.writing import draft, new_id, parsed
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.embedded import EmbeddedMongo
from tests import processes
from tests.bench.run import neutral_benchmark

OPERATIONS = os.environ.get(
    "OPERATIONS", "read,by_identifier,by_family,obs50,obs50_sorted,enc_include,chained,has"
)
SECONDS, ROUNDS = os.environ.get("SECONDS", "3"), os.environ.get("ROUNDS", "3")
_SAMPLE, _AT_ONCE, _PROCESSES = 2000, 100, 2


def main() -> None:
    """Fill a database for each number of residents given, and measure all of them in turn."""
    bench = neutral_benchmark()
    names = [f"scale_{count}" for count in map(int, sys.argv[1:])]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(os.environ.get("KEEP", made))
        folder.mkdir(parents=True, exist_ok=True)
        with EmbeddedMongo(folder / "mongodb") as url:
            for name in names:
                prepare(bench, folder, url, name)
            servers = {
                name: processes.Server(folder / f"{name}.log", mongodb_url=url, database=name)
                for name in names
            }
            try:
                for server in servers.values():
                    server.start()
                    server.ready()
                measure(bench, folder, servers)
            finally:
                for server in servers.values():
                    server.stop()
            for name in names:
                print(f"\n{name}\n\n{sizes(url, name)}", flush=True)


def prepare(bench: Path, folder: Path, url: str, name: str) -> None:
    """Make the residents and store them, unless that was done before."""
    data = folder / name
    if not (data / "truth.json").exists():
        count = name.rpartition("_")[2]
        generate = [sys.executable, bench / "gen.py", "--patients", count, "--out", data]
        subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    if not (folder / f"{name}.json").exists():
        fill(data, folder / f"{name}.json", url, name)


def measure(bench: Path, folder: Path, servers: dict[str, processes.Server]) -> None:
    """Print how fast each of `servers` answers; they take turns in every round."""
    targets = [
        {"name": name, "base": server.base, "pids": [server.child.pid]}
        for name, server in servers.items()
    ]
    (folder / "targets.json").write_text(json.dumps(targets))
    command = [
        sys.executable, bench / "bench.py", "--targets", folder / "targets.json",
        "--data", folder / next(iter(servers)), "--state", folder,
        "--out", folder / "result.json", "--md", folder / "result.md", "--ops", OPERATIONS,
        "--seconds", SECONDS, "--rounds", ROUNDS, "--conc", "1,8",
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print((folder / "result.md").read_text(), flush=True)


def sizes(url: str, name: str) -> str:
    """Return a table of what each collection and its indexes take on disk."""
    from pymongo import MongoClient  # noqa: PLC0415 - only this table needs it

    lines = ["| collection | resources | data MB | index MB |", "|---|---|---|---|"]
    with MongoClient(url) as client:
        for each in sorted(client[name].list_collection_names()):
            told = client[name].command("collStats", each, scale=1_000_000)
            if told["count"]:
                size = f"{told['storageSize']} | {told['totalIndexSize']}"
                lines.append(f"| {each} | {told['count']} | {size} |")
    return "\n".join(lines)


def fill(data: Path, state_file: Path, url: str, name: str) -> None:
    """Store every resident in `data`, and leave the state that the benchmark looks for."""
    started = time.perf_counter()
    with (
        (data / "bundles.ndjson").open("rb") as lines,
        ProcessPoolExecutor(_PROCESSES, initializer=open_context, initargs=(url, name)) as pool,
    ):
        numbered = enumerate(lines)
        batches = iter(lambda: list(itertools.islice(numbered, _AT_ONCE)), [])
        patients, count = [], 0
        waiting = set()
        for batch in batches:
            waiting.add(pool.submit(store, batch))
            if len(waiting) > 2 * _PROCESSES:
                done = next(iter(waiting))
                waiting.remove(done)
                count, patients = count + done.result()[0], patients + done.result()[1]
        for done in waiting:
            count, patients = count + done.result()[0], patients + done.result()[1]
    seconds = time.perf_counter() - started
    rate = {"mode": "direct", "conc": _PROCESSES, "seconds": round(seconds, 1)}
    state = {
        "truth": json.loads((data / "truth.json").read_text()),
        "patients": sorted(patients, key=lambda each: each["no"]),
        "load": {**rate, "resources": count, "per_s": round(count / seconds, 1)},
    }
    state_file.write_text(json.dumps(state, ensure_ascii=False))
    print(f"{name}: {state['load']}", file=sys.stderr, flush=True)


_context: list[Context] = []


def open_context(url: str, name: str) -> None:
    """Open the store in a process of the pool."""
    settings = Settings.from_environment(
        {"TONGKANG_MONGODB_URL": url, "TONGKANG_DATABASE": name, "TONGKANG_DATABASE_TIMEOUT": "60"}
    )
    services = Services.open(Interpreters.of(settings), b"")
    _context.append(Context.of(services, OPEN, "en"))


def store(batch: list[tuple[int, bytes]]) -> tuple[int, list[dict]]:
    """Store the bundles of `batch`; return how many resources they have, and what to remember."""
    (context,) = _context
    drafts, told = defaultdict(list), []
    for number, line in batch:
        entries = json.loads(line)["entry"]
        ids = {entry["fullUrl"]: f"{kind(entry)}/{new_id()}" for entry in entries}
        for entry in entries:
            id = ids[entry["fullUrl"]].partition("/")[2]
            resource = referred(entry["resource"], ids) | {"id": id}
            call = Call(interaction="update", type=kind(entry), body=fhir_json.dumps(resource))
            read, body = parsed(context, call)
            drafts[kind(entry)].append(draft(context, kind(entry), id, read, body))
        if number < _SAMPLE:
            told.append(sample(number, entries, list(ids.values())))
    stored = sum(context.resources.create_many(of_type) for of_type in drafts.values())
    return stored, told


def kind(entry: dict) -> str:
    return entry["resource"]["resourceType"]


def referred(resource: dict, ids: dict[str, str]) -> dict:
    """Return `resource` with its references to others of the bundle resolved."""
    for name in ("subject", "encounter"):
        if name in resource:
            resource[name]["reference"] = ids[resource[name]["reference"]]
    return resource


def sample(number: int, entries: list[dict], ids: list[str]) -> dict:
    """Return what the benchmark keeps of one resident to check answers by."""
    resources = [entry["resource"] for entry in entries]
    patient = resources[0]
    return {
        "no": number,
        "id": ids[0].partition("/")[2],
        "nid": patient["identifier"][0]["value"],
        "family": patient["name"][0]["family"],
        "ids": ids,
        "enc": sum(each["resourceType"] == "Encounter" for each in resources),
        "obs": [
            [each["code"]["coding"][0]["code"], each["effectiveDateTime"]]
            for each in resources
            if each["resourceType"] == "Observation"
        ],
    }


if __name__ == "__main__":
    main()
