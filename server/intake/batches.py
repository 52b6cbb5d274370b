"""Rows become transactions of bounded size. Where one is refused, its rows are tried one by one.

Nothing is noted of what was done: a row that is written again changes nothing, so that after a
crash one may begin a little earlier.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from server.context import AT_ONCE, Context
from server.fhir.outcome import Conflict, FhirError, PreconditionFailed, Unavailable
from server.intake.counts import Counts
from server.intake.made import Made, errors, told, warnings
from server.intake.making import Making
from server.intake.rows import Row, rule
from server.interactions.call import Disclosed
from server.interactions.quality import counting
from server.interactions.quality.measuring import Outcome as Fate
from server.interactions.transaction import Writing
from server.mappings.datasets import DataSet
from server.store.tallies import Count

_MOST_REQUESTS = 50
_ATTEMPTS = 4
_MOST_CHARACTERS = 1_000_000


@dataclass(slots=True)
class Outcome:
    """What a batch of rows came to; `written` are the versions that it made.

    `quality` is what that adds to the tallies, to be added when the batch is noted as done.
    """

    counts: Counts = field(default_factory=Counts)
    rejects: list[Made] = field(default_factory=list)
    written: list[Disclosed] = field(default_factory=list)
    quality: list[Count] = field(default_factory=list)

    def reject(self, one: Made) -> None:
        """Note that a row is not taken."""
        self.counts.rejected += 1
        self.rejects.append(one)


@dataclass(frozen=True, slots=True)
class Batches:
    """Writes rows of `dataset`, or records as they are if it is None, for one caller.

    All are of one `submission`, which is the name of it.
    """

    context: Context
    dataset: DataSet | None
    submission: str
    making: Making = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to write; each transaction is a work of its own."""
        object.__setattr__(self, "context", replace(self.context, work=AT_ONCE))
        object.__setattr__(self, "making", Making(self.context, self.dataset))

    def write(self, rows: Sequence[Row]) -> Outcome:
        """Return what `rows` came to, when it is all stored.

        Raises Unavailable if the database is gone; a part may be stored by then.
        """
        outcome, fates = Outcome(), list[Fate]()
        keys: set[str] = set()
        made: list[Made] = []
        for one in self.making.made(rows):
            outcome.counts.rows += 1
            if not one.keys.isdisjoint(keys):
                # What was made of it did not know of those before it that are about the same.
                self._write(made, outcome, fates)
                made = []
                (one,) = self.making.made([one.row])  # noqa: PLW2901  # the same row, as it is now
            if one.is_refused:
                outcome.reject(one)
                continue
            outcome.counts.warn(f"{fault.element}: {rule(fault)}" for fault in warnings(one.faults))
            if _size(made) + len(one.requests) > _MOST_REQUESTS:
                self._write(made, outcome, fates)
                made = []
            keys |= one.keys
            made.append(one)
        self._write(made, outcome, fates)
        outcome.rejects.sort(key=lambda each: each.row.number)
        if self.dataset is None or self.dataset.is_record:
            fates += map(_refused, outcome.rejects)
            outcome.quality = counting.summed(self.context, fates, self.submission)
        return outcome

    def _write(self, made: Sequence[Made], outcome: Outcome, fates: list[Fate]) -> None:
        if not made:
            return
        try:
            self._stored(made, outcome, fates)
        except Unavailable:
            raise
        except FhirError:
            for one in made:
                self._alone(one, outcome, fates)

    def _alone(self, one: Made, outcome: Outcome, fates: list[Fate]) -> None:
        """Write one row, anew if others change the same meanwhile."""
        for attempt in range(_ATTEMPTS):
            try:
                self._stored([one], outcome, fates)
            except Unavailable:
                raise
            except FhirError as error:
                is_late = isinstance(error, Conflict | PreconditionFailed)
                if is_late and attempt < _ATTEMPTS - 1:
                    (one,) = self.making.made([one.row])
                    if not one.is_refused:
                        continue
                faults = one.faults if one.is_refused else told(error, one.requests, one.meaning)
                outcome.reject(replace(one, faults=faults))
            return

    def _stored(self, made: Sequence[Made], outcome: Outcome, fates: list[Fate]) -> None:
        requests = [request for one in made for request in one.requests]
        entries = [request.entry(place) for place, request in enumerate(requests)]
        begun = self.context.services.store.now()
        with self.context.services.registry.writing():
            writing = Writing(self.context, entries, count=lambda _, told: fates.extend(told))
            answers = writing.run()
        place = 0
        for one in made:
            results = [answers[place + offset] for offset in range(len(one.requests))]
            place += len(one.requests)
            new = [each for each in results if (each.last_updated or 0) >= begun]
            outcome.counts.taken += 1
            outcome.counts.unchanged += not new
            outcome.written += [told for each in new for told in each.disclosed]
        outcome.written += writing.told
        outcome.counts.resources += len(writing.told) + sum(
            (one.last_updated or 0) >= begun for one in answers.values()
        )


def _size(made: Iterable[Made]) -> int:
    return sum(len(one.requests) for one in made)


def _refused(one: Made) -> Fate:
    record = one.requests[0].resource if one.requests else one.record
    return Fate("refused", record, tuple(dict.fromkeys(map(rule, errors(one.faults)))))


def batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield `rows`, so many at a time, or fewer if they are long."""
    batch: list[Row] = []
    length = 0
    for row in rows:
        batch.append(row)
        length += len(row.line or b"") + sum(map(len, row.cells))
        if len(batch) == size or length > _MOST_CHARACTERS:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch
