"""How a one-time code reaches a person: by a channel that is plugged in.

A package offers one as an entry point of the group ``tongkang.senders``; the setting
``code_sender`` chooses it. The one that comes with the server writes to its log, for trying out.

Spec: https://packaging.python.org/en/latest/specifications/entry-points/
"""

import logging
from importlib.metadata import entry_points
from typing import Protocol

from server.fhir.outcome import Unavailable
from server.settings import Settings

GROUP = "tongkang.senders"
LOG = "log"
_log = logging.getLogger("tongkang.code")


class Sender(Protocol):
    """Sends `text` to the telephone number `phone`."""

    def __call__(self, phone: str, text: str) -> None:
        """Return when it is sent. Raises Unavailable if it cannot be."""


def chosen(settings: Settings) -> Sender:
    """Return the sender of `settings`. Raises Unavailable if there is none that may be used."""
    if settings.code_sender == LOG:
        if settings.mode == "production":
            raise Unavailable.because("code-sender-missing")
        return _to_log
    for point in entry_points(group=GROUP, name=settings.code_sender):
        found: Sender = point.load()
        return found
    raise Unavailable.because("code-sender-missing")


def is_there(settings: Settings) -> bool:
    """Tell whether there is a sender that may be used, so that residents can register."""
    try:
        chosen(settings)
    except Unavailable:
        return False
    return True


def _to_log(phone: str, text: str) -> None:
    # Whose telephone it is does not belong into a log; the code is there to be read by who tries.
    _log.warning("one-time code, as no channel is set up", extra={"code": text, "to": phone[-2:]})
