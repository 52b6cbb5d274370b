"""How many resources are checked against our profiles in a second, one after the other.

Usage: ``python -m tests.bench.profiles``. Each good instance of a profile in ``tests/profiles`` is
checked many times: structure, R4's invariants, profile and extensions.
"""

import json
from pathlib import Path
from statistics import median
from time import perf_counter

from server.services import Interpreters
from server.settings import Settings

_ROUNDS = 300
_BASE = "https://tongkang.example/fhir/StructureDefinition/"


def main() -> None:
    """Print a line for each instance: the medians in µs, and how many a second that is."""
    validator = Interpreters.of(Settings()).validator
    find = validator.guide.find
    head = " structure invariants  profile      /s"
    print(f"{'instance':44} {'bytes':>6} {head}")
    for file in sorted((Path(__file__).parents[1] / "profiles").glob("*/good-*.json")):
        resource = json.loads(file.read_text("utf-8"))
        profile = find(_BASE + file.parent.name)
        if profile is None:
            continue
        kinds = (
            lambda one=resource: validator.structure.is_valid(one),
            lambda one=resource: list(validator.invariants.faults(one)),
            lambda one=resource, by=profile: validator.conformance(one, [by], find),
        )
        costs = [_cost(work) for work in kinds]
        name, size = f"{file.parent.name}/{file.stem}", len(json.dumps(resource))
        told = f"{costs[0]:10.0f} {costs[1]:10.0f} {costs[2]:8.0f} {1e6 / sum(costs):7.0f}"
        print(f"{name:44} {size:6} {told}")


def _cost(work) -> float:
    """Return the median time of `work` in microseconds."""
    times = []
    for _ in range(_ROUNDS):
        begun = perf_counter()
        work()
        times.append(perf_counter() - begun)
    return median(times) * 1e6


if __name__ == "__main__":
    main()
