"""Measure the terminology service: ``python -m tests.bench.terminology [concepts]``.

Loads a code system with that many concepts, 100,000 if not given, through the command that an
operator uses, then asks a real server for them over HTTP, one request after the other. Prints
Markdown. The concepts are made by chance, each run the same ones.
"""

import csv
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import requests

from server.store.embedded import EmbeddedMongo
from tests import processes

SYSTEM = "http://example.org/bench"
ROUNDS = 500
_SIGNS = (
    "急慢性原发继先天感染高血压糖尿病心脏肾肝肺胃肠道胆囊胰腺甲状乳骨折"
    "损伤肿瘤良恶炎症综合征出梗死狭窄衰竭不全障碍"
)


def codes(count: int) -> list[str]:
    """Return `count` codes in the shape of ICD-10's, chapters before what is in them."""
    found = [f"{chr(65 + n // 100)}{n % 100:02d}" for n in range(2600)]
    return (found + [f"{found[n % 2600]}.{n // 2600:02d}" for n in range(count)])[:count]


def write(file: Path, count: int) -> None:
    """Write a table of `count` codes with names made by chance."""
    chance = random.Random(1)
    with file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("编码", "名称"))
        for code in codes(count):
            rows.writerow((code, "".join(chance.choices(_SIGNS, k=chance.randint(4, 14)))))


def measured(ask: Callable[[], requests.Response]) -> tuple[float, float]:
    """Return the 50th and 95th percentile of how many milliseconds an answer takes."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = ask()
        times.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.text
    quantiles = statistics.quantiles(times, n=20)
    return statistics.median(times), quantiles[18]


def main() -> None:
    """Load, ask, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write(folder / "table.csv", count)
        with EmbeddedMongo(folder / "mongodb") as url:
            server = processes.Server(folder / "log", mongodb_url=url, workers=1)
            begun = time.perf_counter()
            subprocess.run(
                (sys.executable, "-m", "server.cli", "terminology", "load",
                 str(folder / "table.csv"), "--system", SYSTEM, "--version", "1", "--by-prefix"),
                cwd=processes.ROOT, env=server.environ, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            seconds = time.perf_counter() - begun
            print(f"{count} concepts loaded in {seconds:.1f} s, {count / seconds:.0f} a second\n")
            server.start()
            try:
                tell(server.ready().base, count)
            finally:
                server.stop()


def tell(base: str, count: int) -> None:
    """Print how long answers of the server at `base` take."""
    chance, known = random.Random(2), codes(count)
    session = requests.Session()

    def ask(path: str) -> Callable[[], requests.Response]:
        return lambda: session.get(f"{base}/{path.format(code=chance.choice(known))}", timeout=30)

    everything = quote(f"{SYSTEM}?fhir_vs", safe="")
    asked = {
        "read of a resource, to compare": "CodeSystem/gbt-2261.1-2003",
        "lookup": f"CodeSystem/$lookup?system={SYSTEM}&code={{code}}",
        "validate-code, code system": f"CodeSystem/$validate-code?url={SYSTEM}&code={{code}}",
        "validate-code, value set": f"ValueSet/$validate-code?url={everything}"
        f"&system={SYSTEM}&code={{code}}",
        "expand, filter 高血, 20": f"ValueSet/$expand?url={everything}&count=20&filter=高血",
        "expand, filter gxy, 20": f"ValueSet/$expand?url={everything}&count=20&filter=gxy",
        "expand, a page of 100": f"ValueSet/$expand?url={everything}&count=100&offset=50000",
    }
    print("| | p50 ms | p95 ms |\n|---|---|---|")
    for name, path in asked.items():
        ask(path)()
        middle, most = measured(ask(path))
        print(f"| {name} | {middle:.1f} | {most:.1f} |")


if __name__ == "__main__":
    main()
