"""A file that is to be imported, looked at before anything of it is written."""

from dataclasses import dataclass
from typing import IO

from server.fhir.outcome import BadRequest
from server.intake import formats
from server.intake.rows import Sheet
from server.mappings.datasets import DataSet, DataSets


@dataclass(frozen=True, slots=True)
class Source:
    """A `sheet` of rows of the data set `dataset`, or of records as they are if that is None."""

    sheet: Sheet
    dataset: DataSet | None


def named(datasets: DataSets, name: str | None) -> DataSet | None:
    """Return the data set called `name`; None for records. Raises NotFound."""
    return None if name in (None, "EncounterRecord") else datasets.find(name or "")


def opened(stream: IO[bytes], format: str, encoding: str | None, dataset: DataSet | None) -> Source:
    """Return what is to be imported of `stream`.

    Raises Unprocessable if it has no rows, or headers that the data set does not know; BadRequest
    if it is a table, but no data set is named.
    """
    sheet = formats.sheet(stream, format, encoding)
    if sheet.header is not None:
        if dataset is None:
            raise BadRequest.because("intake-dataset-missing")
        dataset.headers(sheet.header)
    return Source(sheet, dataset)
