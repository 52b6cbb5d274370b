"""How many resources are checked against our profiles in a second, one after the other.

Usage: ``python -m tests.bench.profiles``. Each good instance of a profile in ``tests/profiles`` is
checked many times: structure, R4's invariants, profile and extensions. What is told is time of the
processor, and of several medians the least, for others may be at work on the machine.
"""

import json
from pathlib import Path
from statistics import median
from time import process_time

from server.services import Interpreters
from server.settings import Settings

_BATCHES, _ROUNDS = 5, 60
_BASE = "https://tongkang.example/fhir/StructureDefinition/"


def main() -> None:
    """Print a line for each instance: the times in µs, and how many a second that is."""
    validator = Interpreters.of(Settings()).validator
    find = validator.guide.find
    head = " structure invariants  profile      all      /s"
    print(f"{'instance':44} {'bytes':>6} {head}")
    for file in sorted((Path(__file__).parents[1] / "profiles").glob("*/good-*.json")):
        resource = json.loads(file.read_text("utf-8"))
        profile = find(_BASE + file.parent.name)
        if profile is None:
            continue
        kinds = (
            lambda one=resource: validator.structure.is_valid(one),
            lambda one=resource: validator.invariants.faults(one),
            lambda one=resource, by=profile: validator.conformance(one, [by], find),
        )
        costs = [_cost(work) for work in kinds]
        name, size = f"{file.parent.name}/{file.stem}", len(json.dumps(resource))
        whole = sum(costs)
        told = "{:10.0f} {:10.0f} {:8.0f}".format(*costs) + f" {whole:8.0f} {1e6 / whole:7.0f}"
        print(f"{name:44} {size:6} {told}")


def _cost(work) -> float:
    """Return how many microseconds of the processor `work` takes."""
    return min(median(_time(work) for _ in range(_ROUNDS)) for _ in range(_BATCHES)) * 1e6


def _time(work) -> float:
    begun = process_time()
    work()
    return process_time() - begun


if __name__ == "__main__":
    main()
