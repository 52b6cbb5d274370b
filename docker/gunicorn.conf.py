"""How gunicorn runs the server: processes of threads, set by ``TONGKANG_*``.

Spec: https://docs.gunicorn.org/en/stable/settings.html
"""

import logging
import os
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http import wsgi

from server.settings import Settings

settings = Settings.from_environment(os.environ)
_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes its own file in it
_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_METRICS_FOLDER = "tongkang-metrics-"

bind = [
    f"[{settings.host}]:{settings.port}"
    if ":" in settings.host
    else f"{settings.host}:{settings.port}"
]
worker_class = "server.api.worker.Worker"
workers = settings.workers
threads = settings.threads
# The application is built once, before the fork; each process opens its own connections after it.
preload_app = True
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None

timeout = 60
graceful_timeout = 10
keepalive = 15
worker_connections = 1000
backlog = 1024
# A search by GET may be long; more than this is sent to _search by POST.
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = settings.trusted_proxies
# What it runs on is nobody's business.
wsgi.SERVER = "tongkang"

proc_name = "tongkang"
# Its socket would be shared by all servers of one user.
control_socket_disable = True
accesslog = None


class ErrorsOnly(Logger):
    """The server logs its requests itself; gunicorn would work out a line that nobody reads."""

    def access(self, *_of_the_request: object) -> None:
        """Do nothing."""


logger_class = ErrorsOnly
loglevel = settings.log_level


class WithoutRequests(logging.Filter):
    """Takes what a caller sent out of gunicorn's own lines: its URL may name a person."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let `record` pass, reworded if it is about a request."""
        if str(record.msg).startswith("Error handling request"):
            kind = record.exc_info[0] if record.exc_info else None
            name = kind.__name__ if kind else "unknown"
            record.msg = f"A request could not be answered: {name}."
            record.args, record.exc_info = (), None
        return True


logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "{asctime}{levelname}{name}{process}{message}",
            "style": "{",
        }
    },
    "filters": {"without-requests": {"()": WithoutRequests}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["without-requests"],
        }
    },
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {
            # At its level debug, gunicorn writes the URL of every request.
            "level": "INFO" if settings.log_level == "debug" else settings.log_level.upper(),
            "handlers": ["stderr"],
            "propagate": False,
        }
    },
}


def metrics_folder() -> str:
    """Return a new folder for the counters that the processes share.

    Its name has our process id in it, so that what was left by a server that
    was killed is known, and removed.
    """
    parent = Path(worker_tmp_dir or tempfile.gettempdir())
    for old in parent.glob(f"{_METRICS_FOLDER}*-*"):
        owner = old.name.removeprefix(_METRICS_FOLDER).partition("-")[0]
        command = Path("/proc", owner, "cmdline")
        if not command.exists() or b"gunicorn" not in command.read_bytes():
            shutil.rmtree(old, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_METRICS_FOLDER}{os.getpid()}-", dir=parent)


if settings.metrics and _METRICS not in os.environ:
    # Set before prometheus_client is imported, which the application does.
    os.environ[_METRICS] = metrics_folder()


def post_fork(_server: Any, _worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Let a thread that was woken run soon: at Python's 5 ms a read by id takes three turns."""
    sys.setswitchinterval(0.002)


def when_ready(server: Any) -> None:  # noqa: ANN401 - gunicorn's Arbiter, which has no types
    """Bound how long a process waits for the next bytes of a slow caller.

    An accepted connection takes the option over from the one that listens.
    """
    pause = struct.pack("@ll", int(settings.request_timeout), 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, pause)


def worker_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401 - as above
    """Have the trail take what this process has recorded last."""
    # gunicorn reads this file before it sets anything up, the application's modules after that.
    from server.app import close  # noqa: PLC0415

    close(getattr(worker, "wsgi", None))


def child_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401 - as above
    """Drop the gauges of a process that has ended."""
    if settings.metrics:
        # Imported before the folder is set, it would count in the memory of each process alone.
        from prometheus_client import multiprocess  # noqa: PLC0415

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it has no types


def on_exit(_server: Any) -> None:  # noqa: ANN401 - as above
    """Remove the files that the processes shared their metrics through."""
    folder = Path(os.environ.get(_METRICS, ""))
    if folder.name.startswith(_METRICS_FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
