"""A job while it is done: how far it is, and whether it may go on.

A thread beside it keeps its lease and looks, once a second, whether its rights are the same, its
caller still wants it, and this process is not about to end. The job itself hears of that at its
next step.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic
from types import TracebackType
from typing import Literal, Self, TypeVar, cast

from server.context import Note
from server.fhir.outcome import FhirError, Issue
from server.interactions.call import Disclosed, Result
from server.interactions.routes import JOBS
from server.interactions.routes import REJECTS as ROUTE
from server.jobs import kept
from server.services import Services
from server.store.marks import DoneElsewhere
from server.store.queue import LEASE_SECONDS, Job

Done = TypeVar("Done")
Reason = Literal["lost", "withdrawn", "leaving"]
_BEAT_SECONDS = 1.0
_WHOLE = "whole"
PARTS = "part/"
REJECTS = "rejects/"
Tell = Callable[[Result], None]
"""Has the trail know what an answer discloses."""


class Stopped(BaseException):
    """The job must not go on.

    The `reason`: it is another's or nobody's, its rights have ended, or this process ends.

    It is no Exception, for it must not become the answer to one of several requests.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Following:
    """The work that `job` is, for as long as the block takes.

    `holds` tells whether its rights are what they were, `ends` whether this process is about to
    end, and `tell` takes what a step discloses. Of a job that was begun before, what was done is
    not done again.
    """

    is_kept = True

    def __init__(
        self,
        services: Services,
        job: Job,
        holds: Callable[[], bool],
        ends: Callable[[], bool],
        tell: Tell,
    ) -> None:
        self._services = services
        self._job = job
        self._holds, self._ends, self._tell = holds, ends, tell
        self._lock = Lock()
        self._done = self._total = 0
        self._reason: Reason | None = None
        self._over = Event()
        self._beat = Thread(target=self._follow, daemon=True, name="job")
        self._marks = services.marks.of(job.id)
        self._answers = services.parts.all(job.id, PARTS)

    def __enter__(self) -> Self:
        """Begin to keep the lease."""
        self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep the lease no more."""
        self._over.set()
        self._beat.join()

    @property
    def name(self) -> str:
        """Return the id of the job."""
        return self._job.id

    def check(self) -> None:
        """Raise Stopped if the job must not go on."""
        if self._reason is not None:
            raise Stopped(self._reason)

    def expect(self, steps: int) -> None:
        """Say of how many steps it consists."""
        self._total = steps

    def part(self, place: int, do: Callable[[], Done]) -> Done:
        """Return what `do` returns, or has returned when it was done before, one step.

        Raises Stopped.
        """
        name = f"{PARTS}{place}"
        answer = self._answers.pop(name, None)
        if answer is not None:
            done = cast("Done", kept.answer(answer))
        elif name in self._marks:
            lost = Issue("incomplete", "entry-answer-lost", severity="warning")
            done = cast("Done", Result(status=200, issues=(lost,)))
        else:
            done = self._part(name, do)
        with self._lock:
            self._done += 1
        return done

    def once(self, do: Callable[[Note], Done], again: Callable[[bytes], Done]) -> Done:
        """Return what `do` returns, or what `again` makes of the note if it was done before.

        Raises Stopped.
        """
        note = self._marks.get(_WHOLE)
        if note is not None:
            return again(note)
        self.check()
        with self._services.marks.putting(self._job.id, _WHOLE, self._until) as mark:

            def noted(content: bytes) -> None:
                mark.note = content

            return self._unless_elsewhere(lambda: do(noted))

    def step(self, place: int, do: Callable[[], Done]) -> Done:
        """Return what `do` returns, or has returned when it was done before, one step.

        It is an answer, of which what it discloses is told at once. Raises Stopped.
        """
        name = f"{PARTS}{place}"
        known = self._answers.pop(name, None)
        if known is None:
            self.check()
            done = cast("Result", do())
            self._tell(done)
            known = kept.content(replace(done, disclosed=()))
            self._services.parts.put(self._job.id, name, known, self._until)
        with self._lock:
            self._done += 1
        return cast("Done", kept.answer(known))

    def reject(self, place: int, content: bytes) -> str:
        """Keep `content`, what a step has not taken, for as long as the answer of the job."""
        more = timedelta(seconds=self._services.interpreters.settings.job_expiry)
        name = f"{REJECTS}{place:08}"
        self._services.parts.put(self._job.id, name, content, self._until + more)
        return f"{JOBS}/{self._job.id}/{ROUTE}"

    def disclosed(self) -> tuple[Disclosed, ...]:
        """Return what its parts that are done have disclosed."""
        return kept.disclosed(self._services.parts.all(self._job.id, PARTS).values())

    def _part(self, name: str, do: Callable[[], Done]) -> Done:
        self.check()
        with self._services.marks.putting(self._job.id, name, self._until) as mark:
            done = self._unless_elsewhere(do)
        if mark.is_put:
            answer = kept.refusal(done) if isinstance(done, FhirError) else done
            content = kept.content(cast("Result", answer))
            self._services.parts.put(self._job.id, name, content, self._until)
        return done

    def _unless_elsewhere(self, do: Callable[[], Done]) -> Done:
        try:
            return do()
        except DoneElsewhere as error:
            raise Stopped("lost") from error

    @property
    def _until(self) -> datetime:
        return self._job.expires_at

    def _follow(self) -> None:
        kept_at = monotonic()
        while not self._over.wait(_BEAT_SECONDS):
            try:
                self._reason = self._reason or self._new_reason()
                kept_at = monotonic()
            except FhirError:
                if monotonic() - kept_at > LEASE_SECONDS:
                    self._reason = "lost"

    def _new_reason(self) -> Reason | None:
        if not self._services.queue.keep(self._job.id, self._done, self._total):
            return "lost"
        if not self._holds():
            return "withdrawn"
        return "leaving" if self._ends() else None
