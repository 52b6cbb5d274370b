"""`tongkang jobs`, whose process is killed right behind the answer to its first bundle.

    python -m tests.jobs.dying <file>

The file remembers that it happened, so that the same command then runs as it should.
"""

import os
import signal
import sys
from pathlib import Path

from server import door
from server.cli.database import opened
from server.jobs import worker
from server.settings import Settings


def main():
    """Do jobs, and die once."""
    remembered = Path(sys.argv[1])

    def perform(context, call):
        answer = door.perform(context, call)
        if call.interaction == "batch" and not remembered.exists():
            remembered.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    with opened(Settings.from_environment(os.environ)) as services:
        worker.work(services, 1, perform)


if __name__ == "__main__":
    main()
