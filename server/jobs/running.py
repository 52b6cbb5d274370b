"""Doing one job, from taking it to keeping its result.

What a process that dies has left half done is done by another: what only reads is read again, what
changes something goes on where it was. The trail has what was disclosed before anybody gets it.

Spec: https://hl7.org/fhir/R4/async.html
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec import structs

from server import door
from server.access.caller import Caller
from server.access.policy import Access
from server.audit import failures
from server.audit.event import Event, outcome, rest
from server.context import Context
from server.fhir.outcome import FhirError, Issue, Unavailable
from server.interactions.call import Call, Disclosed, Result
from server.jobs import kept, rights
from server.jobs.following import REJECTS, Following, Stopped
from server.services import Services
from server.store import queue
from server.store.queue import Job

_MOST_ATTEMPTS = 5
ANSWER, CALL = "answer", "call"
_READS = 4
_RETRY_SECONDS = 5.0
_log = logging.getLogger("tongkang.jobs")
Perform = Callable[[Context, Call], Result]


@dataclass(frozen=True, slots=True)
class Runner:
    """Does jobs of the database of `services`, until `ends` tells that this process ends."""

    services: Services
    ends: Callable[[], bool]
    perform: Perform = door.perform

    def run(self, id: str) -> None:
        """Do the job with this id, which this process has taken; what fails is tried again."""
        try:
            self._run(id)
        except Exception as error:  # noqa: BLE001  # the last resort: the thread has to go on
            if isinstance(error, FhirError):
                _log.warning("a job could not be done now: %s", error)
            else:
                failures.record(error, id)
            with suppress(FhirError):  # else its lease will end
                self.services.queue.postpone(id, _RETRY_SECONDS)

    def _run(self, id: str) -> None:
        job = self.services.queue.find(id)
        if job is None:
            return
        held = rights.held(self.services, job)
        if held is None:
            self._withdraw(job, ())
            return

        def tell(step: Result) -> None:
            if step.disclosed:
                self._recorded(job, held, step)

        with Following(self.services, job, lambda: self._holds(job, held), self.ends, tell) as work:
            try:
                answer = self._answer(job, held, work)
                work.check()
            except Stopped as stopped:
                self._stop(job, stopped, work)
                return
            self._finish(job, answer, held)

    @property
    def _is_recorded(self) -> bool:
        return self.services.interpreters.settings.access != "open"

    def _holds(self, job: Job, held: Access) -> bool:
        now = rights.held(self.services, job)
        return now is not None and now.name == held.name

    def _answer(self, job: Job, held: Access, work: Following) -> Result:
        """Return the answer, which the trail has. Raises Stopped, Unavailable."""
        content = self.services.parts.find(job.id, CALL)
        if content is None or job.attempts > _MOST_ATTEMPTS:
            return self._recorded(job, held, _failed("job-given-up"))[0]
        call = kept.call(content)
        trail = self.services.trail
        if self._is_recorded:
            trail.begin()
        for _ in range(_READS):
            epoch = trail.epoch()
            context = Context.of(self.services, held, job.language, work)
            answer, now = self._recorded(job, held, self._performed(job, context, call))
            if now == epoch or answer.status >= 400:
                return answer
            # What was read with rights that may have been withdrawn meanwhile is read again.
            if not self._holds(job, held):
                raise Stopped("withdrawn")
            if door.changes(self.services.interpreters, call):
                return answer
        raise Unavailable.because("trail-unavailable")

    def _performed(self, job: Job, context: Context, call: Call) -> Result:
        try:
            return self.perform(context, call)
        except Unavailable as error:
            if job.attempts < _MOST_ATTEMPTS:
                raise
            return kept.refusal(error)
        except FhirError as error:
            return kept.refusal(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is an answer
            failures.record(error, job.id)
            return _failed("server-failed")

    def _recorded(self, job: Job, held: Access, answer: Result) -> tuple[Result, int]:
        """Return `answer` and the epoch of now, when the trail has what it discloses."""
        if not self._is_recorded:
            return answer, self.services.trail.epoch()
        caller = held.caller
        event = _event(job, caller, answer.status, answer.disclosed, answer.issues)
        act = rest(answer.interaction or job.interaction)
        epoch = self.services.trail.append(
            structs.replace(event, act=act, concerned=answer.concerned)
        )
        # Another process will give the answer: what it discloses has to be durable by then.
        self.services.trail.confirm()
        return answer, epoch

    def _finish(self, job: Job, answer: Result, held: Access) -> None:
        seconds = self.services.interpreters.settings.job_expiry
        expires = datetime.now(UTC) + timedelta(seconds=seconds)
        parts = self.services.parts
        parts.put(job.id, ANSWER, kept.content(answer), expires)
        if self.services.queue.finish(job.id, queue.DONE, expires, held.name):
            parts.remove_but(job.id, ANSWER, REJECTS)
            self.services.marks.remove(job.id)
        elif self.services.queue.find(job.id) is None:
            forget(self.services, job)

    def _stop(self, job: Job, stopped: Stopped, work: Following) -> None:
        if stopped.reason == "leaving":
            self.services.queue.give_back(job.id)
        elif stopped.reason == "withdrawn":
            self._withdraw(job, work.disclosed())
        elif self.services.queue.find(job.id) is None:
            # Cancelled: what was done meanwhile is told nowhere else.
            note(self.services, job, 404, work.disclosed())
            forget(self.services, job)

    def _withdraw(self, job: Job, done: tuple[Disclosed, ...]) -> None:
        note(self.services, job, 403, done)
        expires = job.expires_at
        self.services.queue.finish(job.id, queue.STOPPED, expires)
        forget(self.services, job)


def note(services: Services, job: Job, status: int, done: tuple[Disclosed, ...]) -> None:
    """Have the trail know that `job` ended before its time, and what it had done by then."""
    if services.interpreters.settings.access == "open":
        return
    services.trail.begin()
    services.trail.append(_event(job, Caller(kind="system"), status, done, ()))


def forget(services: Services, job: Job) -> None:
    """Remove all that is kept of `job` besides its place in the queue."""
    services.parts.remove(job.id)
    services.marks.remove(job.id)
    rights.end(services, job)


def _event(
    job: Job,
    caller: Caller,
    status: int,
    disclosed: tuple[Disclosed, ...],
    issues: tuple[Issue, ...],
) -> Event:
    refused = f"{status} {issues[0].message}" if issues and status >= 400 else None
    return Event(
        act=rest(job.interaction),
        caller=caller,
        outcome=outcome(status),
        reason=refused,
        address=job.address,
        request=job.request,
        shown=disclosed,
        facts=(("job", job.id),),
    )


def _failed(message: str) -> Result:
    return Result(status=500, issues=(Issue("exception", message),))
