"""From rows of a file to what is to be written of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.context import Context
from server.fhir.outcome import FhirError
from server.intake import records
from server.intake.made import Made, Meaning, Requested, told
from server.intake.people import People
from server.intake.records import Visits
from server.intake.rows import Row, unreadable
from server.intake.stable import StableIds
from server.mappings.datasets import DataSet, Read
from server.mappings.headers import Columns

RECORD = "EncounterRecord"
_MOST_HEADERS = 64
"""So many orders of headers are known at a time: each line of NDJSON may have one of its own."""


@dataclass(frozen=True, slots=True)
class Making:
    """Makes requests of rows of `dataset`, or of records as they are if it is None."""

    context: Context
    dataset: DataSet | None
    _maker: "Visits | People | None" = field(init=False)
    _columns: dict[tuple[str, ...], Columns] = field(default_factory=dict)
    _documents: dict[str, Visits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose how rows of the data set are made into requests."""
        maker: Visits | People | None = None
        if self.dataset is not None and self.dataset.is_record:
            maker = Visits(self.context, self.dataset)
        elif self.dataset is not None:
            ids = StableIds(self.context.services.store.secret())
            maker = People(self.context, self.dataset, ids)
        object.__setattr__(self, "_maker", maker)

    def made(self, rows: Sequence[Row]) -> list[Made]:
        """Return what each of `rows` comes to. Raises Unavailable if the database is gone."""
        read = [self._read(row) for row in rows]
        waiting = [one for one in read if isinstance(one, _Waiting)]
        made: dict[int, Made] = {}
        for maker in {id(one.maker): one.maker for one in waiting}.values():
            own = [one for one in waiting if one.maker is maker]
            requested = maker.requests([one.read for one in own])
            made |= {id(one): _told(one, each) for one, each in zip(own, requested, strict=True)}
        return [made[id(one)] if isinstance(one, _Waiting) else one for one in read]

    def _read(self, row: Row) -> "Made | _Waiting":
        if row.faults:
            return Made(row, faults=row.faults)
        try:
            if row.resource is not None:
                requested = records.resource(self.context, row.resource, RECORD)
                return Made(row, requested.requests, keys=requested.keys)
            if row.document is not None:
                return self._of_document(row, row.document)
            return self._of_cells(row)
        except FhirError as error:
            return Made(row, faults=told(error))

    def _of_cells(self, row: Row) -> "Made | _Waiting":
        if self.dataset is None or self._maker is None:
            return Made(row, faults=(unreadable("intake-no-resource"),))
        columns = self._columns.pop(row.header, None) or self.dataset.headers(row.header)
        # The one that was used last stands last, and the first one is forgotten.
        self._columns[row.header] = columns
        if len(self._columns) > _MOST_HEADERS:
            del self._columns[next(iter(self._columns))]
        meaning = Meaning(self.dataset, columns.row(row.cells))
        return _Waiting.of(row, self.dataset.read(meaning.cells), self._maker, meaning)

    def _of_document(self, row: Row, file: Path) -> "Made | _Waiting":
        most = self.context.interpreters.settings.max_body
        try:
            with file.open("rb") as stream:
                body = stream.read(most + 1)
        except OSError as error:
            return Made(row, faults=(unreadable("intake-file", reason=error.strerror),))
        if len(body) > most:
            return Made(row, faults=(unreadable("intake-file-too-large", most=most),))
        papers = self.context.interpreters.documents.read(body)
        name = papers.dataset.name
        if name not in self._documents:
            self._documents[name] = Visits(self.context, papers.dataset)
        meaning = Meaning(papers.dataset, papers.row)
        return _Waiting.of(row, papers.read, self._documents[name], meaning)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A row that is read, of which `maker` is still to find out what is there."""

    row: Row
    read: Read
    maker: Visits | People
    meaning: Meaning

    @classmethod
    def of(
        cls, row: Row, read: Read, maker: Visits | People, meaning: Meaning
    ) -> "Made | _Waiting":
        """Return what has been `read` of a row, unless that refuses it."""
        if read.is_refused:
            return Made(row, faults=read.faults, record=read.record)
        return cls(row, read, maker, meaning)


def _told(one: _Waiting, requested: Requested) -> Made:
    if requested.refusal is not None:
        return Made(one.row, faults=told(requested.refusal), record=one.read.record)
    read, asked = one.read, requested
    return Made(one.row, asked.requests, read.faults, asked.keys, meaning=one.meaning)
