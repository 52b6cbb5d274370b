"""What operators see of the traffic: one JSON line and two figures for each request.

Neither holds an id, a query or any other part of a record.
"""

import logging
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from pythonjsonlogger.orjson import OrjsonFormatter

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_REQUESTS = Counter("tongkang_requests", "Requests answered.", ("interaction", "status"))
_SECONDS = Histogram(
    "tongkang_request_seconds", "Time to answer.", ("interaction",), buckets=_BUCKETS
)
_log = logging.getLogger("tongkang.request")


@dataclass(frozen=True, slots=True)
class Answered:
    """One request that was answered. `type` is the resource type, never an id."""

    request_id: str
    method: str
    interaction: str
    type: str | None
    status: int
    seconds: float
    size: int


def record(answered: Answered) -> None:
    """Log and count `answered`."""
    _count(answered.interaction, answered.status).inc()
    _duration(answered.interaction).observe(answered.seconds)
    if _log.isEnabledFor(logging.INFO):
        # Formatted here: a LogRecord costs more than all else that is done for a read.
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": "INFO",
            "logger": _log.name,
            "request_id": answered.request_id,
            "method": answered.method,
            "interaction": answered.interaction,
            "type": answered.type,
            "status": answered.status,
            "ms": round(answered.seconds * 1000, 2),
            "bytes": answered.size,
        }
        os.write(sys.stderr.fileno(), orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


@lru_cache(maxsize=1024)
def _count(interaction: str, status: int) -> Counter:
    return _REQUESTS.labels(interaction, status)


@lru_cache(maxsize=64)
def _duration(interaction: str) -> Histogram:
    return _SECONDS.labels(interaction)


def configure_logging(level: str) -> None:
    """Send the server's own log, from `level` up, to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        OrjsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    logger = logging.getLogger("tongkang")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def exposition() -> bytes:
    """Return all figures in the text format of Prometheus, those of all processes together."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(registry)
