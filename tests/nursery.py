"""Servers that start warm: forked from a process that has imported what a server is made of.

A run of the tests starts hundreds of servers, and each would be busy for seconds before it has
imported itself. What is forked here goes on as ``tongkang serve`` does with a MongoDB that is
given: gunicorn, with the server's own file of settings. The command itself is started by
`processes.Process`, as are those servers that need more than gunicorn.

A request is one datagram: the variables and the application as JSON, with it the log and one end
of a pair of sockets. Through that the forked process' id comes back, and its status once it ended.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from server.cli.supervisor import gunicorn_command

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_ROOT = Path(__file__).resolve().parent.parent
_LIMIT = 1 << 16


class Born:
    """A forked server, with what tests use of `subprocess.Popen`."""

    def __init__(self, line):
        self._line = line
        self.pid = int(line.recv(32))
        self.returncode = None

    def poll(self):
        """Return the exit code, None while it runs."""
        return self._ended(0)

    def wait(self, timeout=None):
        """Return the exit code; raise TimeoutExpired if it runs on for so many seconds."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("server", timeout)
        return self.returncode

    def send_signal(self, number):
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, seconds):
        if self.returncode is None:
            self._line.settimeout(seconds)
            try:
                self.returncode = os.waitstatus_to_exitcode(int(self._line.recv(32)))
            except (BlockingIOError, TimeoutError):
                return None
            self._line.close()
        return self.returncode


def born(application, environ, log):
    """Return a server with the variables `environ`, which writes to the open file `log`."""
    # Those of servers that are not called gunicorn are taken for left behind.
    counted = tempfile.mkdtemp(prefix="metrics-", dir=Path(log.name).parent)
    environ = {**environ, _METRICS: counted}
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        told = json.dumps({"application": application, "environ": environ}).encode()
        assert len(told) < _LIMIT
        socket.send_fds(_nursery(), [told], [theirs.fileno(), log.fileno()])
    return Born(ours)


@cache
def _nursery():
    """Return the socket of this process' nursery, which ends when that is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
    with theirs:
        child = subprocess.Popen(
            command,
            cwd=_ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(child.wait)
    atexit.register(ours.close)
    return ours


def _warm():
    """Import and read all that does not depend on the settings of a server."""
    # What counts has to know from its import on that several processes do.
    with tempfile.TemporaryDirectory() as folder:
        os.environ[_METRICS] = folder
        import gunicorn.app.wsgiapp  # noqa: PLC0415

        import server.api.worker  # noqa: PLC0415
        import server.app  # noqa: F401, PLC0415
        from server.services import Interpreters  # noqa: PLC0415
        from server.settings import Settings  # noqa: PLC0415

        Interpreters.of(Settings())
    gc.freeze()
    return gunicorn.app.wsgiapp.run


def _tend(requests):
    """Fork a server for each request; return in the forked process, with its application."""
    # Nobody waits for those that watch.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, handed, _, _ = socket.recv_fds(requests, _LIMIT, 2)
        if not told:
            sys.exit()
        if os.fork() == 0:
            break
        for each in handed:
            os.close(each)
    requests.close()
    line, log = handed
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        os.close(log)
        _watch(child, socket.socket(fileno=line))
    os.close(line)
    return _placed(json.loads(told), log)


def _watch(child, line):
    """Tell through `line` the id of `child`, then how it ended."""
    line.send(str(child).encode())
    _, status = os.waitpid(child, 0)
    line.send(str(status).encode())
    os._exit(0)


def _placed(told, log):
    """Make this process what a command in a session of its own would be; return what it serves."""
    os.setsid()
    for file, place in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(file, place)
        if place != 1:
            os.close(file)
    os.environ.clear()
    os.environ.update(told["environ"])
    return told["application"]


def main():
    """Tend servers until nobody is left who could ask for one."""
    run = _warm()
    sys.argv = gunicorn_command(_tend(socket.socket(fileno=int(sys.argv[1]))))[2:]
    run()


if __name__ == "__main__":
    main()
