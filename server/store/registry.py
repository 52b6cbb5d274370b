"""The search parameters of our own, as one process knows them, and the index made for them.

Each process looks once a second whether a SearchParameter was written. What is new is first
*wanted* of each type that it is for, then all processes write its entries, then one of them
passes over what is stored, and only then is it used. `writers` and `jobs` tell how that holds
while processes come, go and crash.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread
from time import monotonic

from pymongo.errors import InvalidOperation

from server.fhir.json import Resource
from server.fhir.outcome import FhirError, Unavailable
from server.profiles.own_parameters import Own, View, identity
from server.store.engine import Engine
from server.store.failures import refused
from server.store.jobs import Job, Jobs
from server.store.parameters import Parameters
from server.store.reindexing import Lost, Reindexing
from server.store.writers import InFlight, Writers

Waiting = dict[str, dict[str, int]]
_PAUSE_SECONDS = 1.0
_FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0
_log = logging.getLogger("tongkang.reindexing")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the registry asks the search: which stored parameters count, and to go by them."""

    view: Callable[[Sequence[Resource]], View]
    apply: Callable[[Own, Waiting], None]


class Registry:
    """What this process knows of the own parameters. Any thread may ask."""

    def __init__(self, engine: Engine, rules: Rules, reindexing: Reindexing) -> None:
        self._rules = rules
        self._reindexing = reindexing
        self._jobs: Jobs = reindexing.jobs
        self._writers = Writers(engine.collections.database)
        self._parameters = Parameters(engine)
        self._in_flight = InFlight()
        self._lock = Lock()
        self._ended = Event()
        self._is_working = False
        self._watcher: Thread | None = None
        self._worker: Thread | None = None
        self._job: Job | None = None
        self._view: View | None = None
        self._known: dict[str, Job] = {}
        self._digest = self._seen = ""
        self._number = 0
        self._fresh = self._failed = self._said = float("-inf")

    @property
    def view(self) -> View:
        """Return the parameters in force."""
        return self._view or self._first()

    @property
    def jobs(self) -> dict[str, Job]:
        """Return how far each type is, as of the last look."""
        return self._known

    def is_reindexing(self, type: str) -> bool:
        """Tell whether what is stored of `type` may have other entries than it will have."""
        job = self._known.get(type)
        return job is not None and job.state != "done"

    def require_known(self) -> None:
        """See to it that this process has looked at least once. Raises Unavailable."""
        if self._view is None:
            self.refresh()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have the block store resources by what is in force.

        Raises Unavailable if that is not known, for the database cannot be asked.
        """
        if monotonic() - self._fresh > _FRESH_SECONDS:
            self.refresh()
        with self._in_flight.counted(self._number):
            yield

    def refresh(self) -> None:
        """Look at what was written before this call, and go by it. Raises Unavailable."""
        asked = monotonic()
        with self._lock:
            if self._fresh >= asked:
                return
            if self._failed >= asked:
                # Of all who wait for a database that is gone, only one shall find out.
                raise Unavailable.because("database-unavailable")
            try:
                self._look()
            except FhirError:
                self._failed = monotonic()
                raise

    def _look(self) -> None:
        with refused():
            begun = monotonic()
            # Before looking, so that a pass which does not see us begins before we look.
            self._say(self._seen, begun)
            changed = self._parameters.changed()
            if self._view is None or changed:
                view = self._rules.view(self._parameters.resources())
            else:
                view = self._view
            self._known = self._queued(view)
            self._rules.apply(view.own, _waiting(view, self._known))
            if view is not self._view:
                self._view, self._digest = view, view.digest()
                self._number += 1
            if not self._in_flight.older_than(self._number):
                self._say(self._digest, begun)
            self._fresh = begun

    def start(self, *, working: bool) -> None:
        """Look every second from now on; if `working`, do what there is to do, too."""
        self._is_working = self._is_working or working
        if self._watcher is None:
            self._watcher = Thread(target=self._watch, daemon=True, name="own-parameters")
            self._watcher.start()

    def work(self, types: Sequence[str] | None = None) -> bool:
        """Do one job, of `types` if given; False if there is none, or it is not its time yet.

        Raises Lost if it came to nothing, Unavailable.
        """
        with refused():
            view = self.view
            open_types = [
                type
                for type, job in self._known.items()
                if job.is_open and list(job.wanted) == view.identities(type)
            ]
            asked = [type for type in open_types if types is None or type in types]
            if not asked or not self._writers.agree(self._digest):
                return False
            job = self._jobs.take(asked)
            if job is None or list(job.wanted) != view.identities(job.type):
                return False
            self._job = job
            try:
                self._reindexing.run(job, self._ended)
            finally:
                self._job = None
        return True

    def again(self, types: Sequence[str]) -> None:
        """Have `types` indexed anew, those that are being indexed from where they are."""
        with refused():
            for type in types:
                self._jobs.again(type)
        self.refresh()

    def hasten(self) -> None:
        """Take no rests: this process has nothing else to do."""
        self._reindexing = replace(self._reindexing, rest=0.0)

    def close(self) -> None:
        """Look and work no more; what is half done is left to others."""
        self._ended.set()
        if self._worker is not None:
            self._worker.join(_PATIENCE_SECONDS)
        # A process that says no more is left out before long, also if it cannot say that it leaves.
        with self._lock, suppress(Unavailable), refused():
            self._writers.leave()

    def _first(self) -> View:
        self.refresh()
        if self._view is None:
            message = "A refreshed registry has a view."
            raise AssertionError(message)
        return self._view

    def _say(self, seen: str, now: float) -> None:
        if seen != self._seen or now - self._said > _FRESH_SECONDS:
            self._writers.say(seen)
            self._seen, self._said = seen, now

    def _queued(self, view: View) -> dict[str, Job]:
        """Return the jobs, having seen to it that they are for what is in `view`."""
        jobs = self._jobs.all()
        differ = [
            (type, keys)
            for type in {*jobs, *view.indexed}
            if (keys := view.identities(type)) != (list(jobs[type].wanted) if type in jobs else [])
        ]
        for type, keys in differ:
            self._jobs.want(type, keys)
        return self._jobs.all() if differ else jobs

    def _watch(self) -> None:
        failed = False
        while not self._ended.is_set():
            try:
                self.refresh()
                if self._is_working:
                    self._see_to_work()
            except FhirError as error:
                if isinstance(error.__cause__, InvalidOperation):
                    return  # the connection was closed for good
                if not failed:
                    _log.warning("own search parameters cannot be looked at: %s", error)
                failed = True
            else:
                failed = False
            self._ended.wait(_PAUSE_SECONDS)

    def _see_to_work(self) -> None:
        """Have a thread do what there is to do; keep the job that one has."""
        job = self._job
        if job is not None:
            with refused():
                self._jobs.keep(job)
        busy = self._worker is not None and self._worker.is_alive()
        if not busy and any(one.is_open for one in self._known.values()):
            self._worker = Thread(target=self._work, daemon=True, name="reindexing")
            self._worker.start()

    def _work(self) -> None:
        try:
            while not self._ended.is_set() and self.work():
                _log.info("a type was indexed anew")
        except Lost:
            _log.info("indexing anew goes on in another process, or from the start")
        except FhirError as error:
            _log.warning("indexing anew was interrupted: %s", error)


def _waiting(view: View, jobs: dict[str, Job]) -> Waiting:
    """Return the parameters that are not indexed yet, with how much is."""
    found: Waiting = {}
    for type, parameters in view.indexed.items():
        job = jobs.get(type)
        for one in parameters:
            if job is None or identity(one) not in job.indexed:
                found.setdefault(type, {})[one.code] = 0 if job is None else job.percent
    return found
