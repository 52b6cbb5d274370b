"""Where requests are left to be done later, asked after, and given up.

The result is what the request would have been answered with at once, in the status and the body
alike; only who asked may have it, with the same rights that it was made with.

Spec: https://hl7.org/fhir/R4/async.html, https://www.rfc-editor.org/rfc/rfc7240#section-4.1
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import groupby
from secrets import token_hex

from server import door
from server.audit.event import Event
from server.context import Context
from server.fhir.outcome import Forbidden, Issue, NotFound, TooMany
from server.intake import formats, rejects
from server.interactions.call import Call, Piece, Pieces, Result
from server.interactions.routes import JOB_CANCEL, JOB_REJECTS, JOB_STATUS, JOBS
from server.jobs import kept, rights, running, worker
from server.jobs.following import PARTS, REJECTS
from server.services import Interpreters
from server.store import queue
from server.store.queue import Job

MOST_OPEN = 20
"""So many jobs of one caller may wait or run at a time."""
_LIFETIMES = 2  # one for waiting and running, one for the result


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: its `token`, None if none is needed, and what the trail tells."""

    token: str | None
    event: Event


def begin(context: Context, call: Call, origin: Callable[[], Origin]) -> Result:
    """Return the result of `call`, or where to ask for it; it may have a rest to be made yet.

    Raises FhirError for every refusal.
    """
    if call.interaction == JOB_STATUS:
        return _status(context, call)
    if call.interaction == JOB_CANCEL:
        return _cancel(context, call)
    if call.interaction == JOB_REJECTS:
        return _rejects(context, call)
    if _is_left(context.interpreters, call):
        return _left(context, call, origin())
    return door.begin(context, call)


def changes(interpreters: Interpreters, call: Call) -> bool:
    """Tell whether `call` changes something, so that it cannot be done over."""
    if call.interaction in (JOB_STATUS, JOB_REJECTS):
        return False
    is_ours = call.interaction == JOB_CANCEL or _is_left(interpreters, call)
    return is_ours or door.changes(interpreters, call)


def _is_left(interpreters: Interpreters, call: Call) -> bool:
    is_asked = call.preference.respond_async and door.may_wait(interpreters, call)
    return is_asked or door.must_wait(interpreters, call)


def _left(context: Context, call: Call, origin: Origin) -> Result:
    """Keep `call` to be done later; return where to ask after it."""
    door.require(context, call)
    door.check(context, call)
    caller, services = context.access.caller, context.services
    if services.queue.count_open(caller.client.reference, caller.account) >= MOST_OPEN:
        refusal = TooMany.because("job-too-many", limit=MOST_OPEN)
        refusal.headers["Retry-After"] = "30"
        raise refusal
    seconds = context.interpreters.settings.job_expiry
    now = datetime.now(UTC)
    token = None
    if origin.token is not None:
        token = rights.delegated(services, origin.token, _LIFETIMES * seconds)
    job = Job(
        id=token_hex(16),
        client=caller.client.reference,
        account=caller.account,
        token=token,
        interaction=call.interaction,
        type=call.type,
        request=origin.event.request,
        address=origin.event.address,
        language=context.language,
        created=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    services.parts.put(job.id, running.CALL, kept.content(call), job.expires_at)
    services.queue.add(job)
    worker.offer(services.queue, job.id)
    return Result(
        status=202,
        issues=(Issue("informational", "job-accepted", severity="information"),),
        headers={
            "Content-Location": f"{context.interpreters.settings.base_url}/{JOBS}/{job.id}",
            "Preference-Applied": "respond-async",
        },
        facts=(("job", job.id),),
    )


def _own(context: Context, call: Call) -> Job:
    """Return the job that `call` names. Raises NotFound if the caller has no such job."""
    job = context.services.queue.find(call.id or "")
    caller = context.access.caller
    if job is None or (job.client, job.account) != (caller.client.reference, caller.account):
        raise NotFound.because("job-unknown")
    held = rights.held(context.services, job)
    is_as_begun = held is not None and job.rights in (None, held.name)
    if held is not None and is_as_begun and held.name != context.access.name:
        # A token of the same app for less, or about somebody else, gets nothing by this one.
        raise NotFound.because("job-unknown")
    return job


def _status(context: Context, call: Call) -> Result:
    job = _own(context, call)
    if job.state == queue.STOPPED:
        raise Forbidden.because("job-rights-ended")
    told = (("job", job.id),)
    if job.is_open:
        return replace(_progress(job), facts=told)
    expires = format_datetime(job.expires_at.astimezone(UTC), usegmt=True)
    answer = _given(context, job)
    return replace(answer, headers={**answer.headers, "Expires": expires}, facts=told)


def _progress(job: Job) -> Result:
    age = (datetime.now(UTC) - job.created).total_seconds()
    # Who waits long does not mind to wait a little longer.
    headers = {"Retry-After": str(min(30, max(1, int(age / 10))))}
    if job.state != queue.RUNNING:
        issue = Issue("informational", "job-queued", severity="information")
        return Result(status=202, issues=(issue,), headers={**headers, "X-Progress": "queued"})
    percent = min(99, 100 * job.done // job.total) if job.total else 0
    told = f"{percent}% ({job.done}/{job.total})" if job.total else "in progress"
    arguments = {"done": job.done, "total": job.total or "?"}
    issue = Issue("informational", "job-running", arguments, severity="information")
    return Result(status=202, issues=(issue,), headers={**headers, "X-Progress": told})


def _given(context: Context, job: Job) -> Result:
    """Return the result of `job`, if what it tells may be told still.

    Raises Forbidden if its rights are not what they were, or something in it is seen no more.
    """
    content = context.services.parts.find(job.id, running.ANSWER)
    if content is None:
        raise NotFound.because("job-unknown")
    held = rights.held(context.services, job)
    if held is None:
        raise Forbidden.because("job-rights-ended")
    answer = kept.answer(content)
    seen = Context.of(context.services, held, context.language)
    if held.name == job.rights and _is_seen(seen, job, answer):
        return answer
    if held.name == job.rights and answer.unread is not None:
        return replace(answer, body=answer.unread)
    raise Forbidden.because("job-rights-changed")


def _is_seen(context: Context, job: Job, answer: Result) -> bool:
    """Tell whether all that `answer` tells may be read; who has written something knows it."""
    if job.interaction == "batch" and answer.unread is None:
        return True
    told = sorted({(one.type, one.id) for one in answer.disclosed})
    return all(
        any(context.history.sees(type, ids, letter) for letter in "rs")
        for type, some in groupby(told, key=lambda one: one[0])
        if (ids := [id for _, id in some])
    )


def _rejects(context: Context, call: Call) -> Result:
    """Return what a job that is done has not taken, piece by piece. Raises NotFound."""
    job, parts = _own(context, call), context.services.parts
    if job.is_open:
        return replace(_progress(job), facts=(("job", job.id),))
    names = parts.names(job.id, REJECTS)
    if not names:
        raise NotFound.because("job-without-rejects")
    first = parts.find(job.id, names[0]) or b""
    name = rejects.file_name(first)

    def rest() -> Pieces:
        for name in names[1:]:
            yield Piece(parts.find(job.id, name) or b"")

    return Result(
        status=200,
        body=first,
        content_type=formats.content_type(formats.of_name(name)),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        facts=(("job", job.id),),
        rest=rest(),
    )


def _cancel(context: Context, call: Call) -> Result:
    job = _own(context, call)
    removed = context.services.queue.remove(job.id)
    if removed is None:
        raise NotFound.because("job-unknown")
    done = kept.disclosed(context.services.parts.all(job.id, PARTS).values())
    running.forget(context.services, removed)
    issue = Issue("informational", "job-cancelled", severity="information")
    return Result(status=202, issues=(issue,), disclosed=done, facts=(("job", job.id),))
