"""Child processes that do not outlive the process that started them.

A child has a session of its own, so that Ctrl-C in a terminal reaches only its
parent, which then ends it in good order; and Linux tells it to end when its
parent is killed.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Runs in a Python of its own, since code between fork and exec may not be safe beside threads.
_LAUNCHER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def started(
    command: Sequence[str],
    environ: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Return the child that runs `command`, whose first word is the path of a program.

    Without `environ` it has ours; what it prints goes to the end of `output`, or
    where ours goes. The system takes the *thread* that calls this for the
    parent: call it from one that lives as long as the child shall.
    """
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]
    if output is None:
        return subprocess.Popen(launch, env=environ, start_new_session=True)  # noqa: S603
    with output.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - no shell, and the words are ours
            launch, env=environ, stdout=file, stderr=file, start_new_session=True
        )


def ended(child: subprocess.Popen[bytes], patience: float) -> int:
    """End `child` with SIGTERM, after `patience` seconds with SIGKILL; return its exit code."""
    if child.poll() is None:
        child.terminate()
    try:
        return child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
