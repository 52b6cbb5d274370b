"""What operators hear of our own faults: which error, and where in the code."""

import logging
import traceback
from pathlib import Path

_log = logging.getLogger("tongkang.failure")


def record(error: BaseException, request_id: str | None = None) -> None:
    """Log that `error` happened and where, without its text, which may hold a person's data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    told = {"request_id": request_id, "error": type(error).__name__, "where": where[-12:]}
    _log.error("failed", extra=told)
