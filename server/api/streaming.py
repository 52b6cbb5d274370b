"""A long answer on its way: each piece is in the trail before it leaves.

The first piece is made before anything is said, so that a refusal has its status. If the rest
cannot be told any more, the answer is cut off: the connection ends without what ends a body, so
that nobody takes it for whole, and the log and the trail say so.

Spec: https://www.rfc-editor.org/rfc/rfc9112#section-8,
人口健康信息管理办法(试行) article 18 (R1.18)
"""

import logging
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from time import monotonic

from server.access.policy import Access
from server.audit.event import Event
from server.fhir.outcome import FhirError, Forbidden
from server.interactions.call import Piece, Pieces, Result
from server.store.trail import Trail

_RENEWED_SECONDS = 60.0
"""Some rights end by themselves, which no epoch tells: a session, a token."""
_log = logging.getLogger("tongkang.stream")


class CutOff(Exception):
    """The answer ends here; who sends it closes the connection."""


@dataclass(frozen=True, slots=True)
class Teller:
    """What tells the pieces of one answer.

    `event` is that of a piece by its number, or of the refusal to go on. `authenticate` finds out
    anew who asks, `failure` words what went wrong. `trail` is None where nobody is asked who they
    are.
    """

    request_id: str
    access: Access
    authenticate: Callable[[], Access]
    event: Callable[[Result | FhirError, int], Event]
    failure: Callable[[Exception], FhirError]
    trail: Trail[Event] | None

    def bodies(self, rest: Pieces, epoch: int) -> Generator[bytes, None, None]:
        """Yield the pieces of the `rest`, whose beginning was recorded in this `epoch`.

        Raises CutOff if what is left must not, or cannot, be told.
        """
        renewed = monotonic()
        with closing(rest):
            for number in count(2):
                try:
                    piece = next(rest, None)
                    if piece is None:
                        return
                    now = self._recorded(piece, number, epoch)
                    if now != epoch or monotonic() - renewed > _RENEWED_SECONDS:
                        self._require_same()
                        epoch, renewed = now, monotonic()
                except Exception as error:  # noqa: BLE001  # whatever it is, the answer ends
                    self._end(self.failure(error), number)
                    raise CutOff from None
                yield piece.body

    def _recorded(self, piece: Piece, number: int, epoch: int) -> int:
        """Return the epoch of now, when the trail has what `piece` discloses."""
        if self.trail is None or not piece.disclosed:
            return epoch
        told = Result(status=200, disclosed=piece.disclosed)
        return self.trail.append(self.event(told, number))

    def _require_same(self) -> None:
        """Raise FhirError unless the caller still has the rights that the answer began with."""
        if self.authenticate().name != self.access.name:
            raise Forbidden.because("answer-rights-changed")

    def _end(self, refusal: FhirError, number: int) -> None:
        """Have the trail and the log know that the answer ends before its piece of this number."""
        told = {"request_id": self.request_id, "part": number, "status": refusal.status}
        _log.warning("an answer was cut off", extra=told)
        if self.trail is not None:
            with suppress(FhirError):  # it is the trail that cannot be had
                self.trail.append(self.event(refusal, number))
