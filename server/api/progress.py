"""How far the types are that are being indexed anew, as figures for operators.

Spec: https://prometheus.io/docs/practices/naming/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from server.store.jobs import Job


# A CollectorRegistry tells its collectors apart by what they are, not by what they hold.
@dataclass(frozen=True, slots=True, eq=False)
class _Progress(Collector):
    """Gives figures of `jobs`, which are the same whichever process is asked."""

    jobs: Mapping[str, Job]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the resources of each type, how many are done, and what state that is."""
        total = GaugeMetricFamily(
            "tongkang_reindex_resources", "Resources to be indexed anew.", labels=("type",)
        )
        done = GaugeMetricFamily(
            "tongkang_reindex_resources_done", "Resources indexed anew.", labels=("type",)
        )
        state = GaugeMetricFamily(
            "tongkang_reindex_state", "1 for the state a type is in.", labels=("type", "state")
        )
        for type, job in sorted(self.jobs.items()):
            total.add_metric((type,), job.total)
            done.add_metric((type,), job.done)
            state.add_metric((type, job.state), 1)
        yield from (total, done, state)


def exposition(jobs: Mapping[str, Job]) -> bytes:
    """Return the figures of `jobs` in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Progress(jobs))
    return generate_latest(registry)
