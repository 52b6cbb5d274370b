"""$import: rows of a national data set, or records of visits, sent as a file.

It is never done at once: who sends a file is told where to ask how far it is. The answer has the
numbers, and where the rows are that were not taken.

Spec: https://hl7.org/fhir/R4/async.html
"""

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any

import orjson

from server.context import Context, Work
from server.fhir import json
from server.fhir.outcome import BadRequest
from server.intake import formats, opening, rejects
from server.intake.batches import Batches, batches
from server.intake.counts import Counts
from server.intake.opening import Source
from server.intake.rows import Row
from server.interactions.call import Call, Result
from server.operations.arguments import Arguments

_ROWS = 100
_MOST_WARNINGS = 100


def check(context: Context, call: Call, arguments: Arguments) -> Source:
    """Return what is to be imported.

    Raises BadRequest if the file does not come as the body, NotFound if there is no such data set,
    UnsupportedMediaType, and Unprocessable if the file cannot be read or its headers are unknown.
    """
    if call.raw_type is None:
        raise BadRequest.because("intake-not-a-file")
    format, encoding = formats.of_type(call.raw_type)
    dataset = opening.named(context.interpreters.datasets, arguments.text("dataset"))
    return opening.opened(_Heard(call.body, context.work), format, encoding, dataset)


class _Heard(BytesIO):
    """Content that is read only while the work that needs it may go on.

    There may be far more to read than rows in it.
    """

    def __init__(self, content: bytes, work: Work) -> None:
        super().__init__(content)
        self._work = work

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes."""
        self._work.check()
        return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line."""
        self._work.check()
        return super().readline(size)


def import_(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return what became of the rows in the body, when all of them are written or rejected."""
    source = check(context, call, arguments)
    work, writing, counts = context.work, _batches(context, source), Counts()
    work.expect(call.body.count(b"\n") // _ROWS + 1)
    url = ""
    header = source.sheet.header
    for place, rows in enumerate(batches(source.sheet.rows, _ROWS), 1):
        done = work.step(place, partial(_written, context, writing, place, rows))
        counts.add(Counts.of(orjson.loads(done.body)))
    if counts.rejected:
        first = b"" if header is None else rejects.header([one for one in header if one])
        url = work.reject(0, first)
    name = "EncounterRecord" if source.dataset is None else source.dataset.name
    return Result(status=200, body=json.dumps(_told(context, name, counts, url)))


def _batches(context: Context, source: Source) -> Batches:
    return Batches(context, source.dataset, context.work.name)


def _written(context: Context, writing: Batches, place: int, rows: Sequence[Row]) -> Result:
    outcome = writing.write(rows)
    if outcome.rejects:
        context.work.reject(place, rejects.written(outcome.rejects, context.language))
    context.services.tallies.add_part(outcome.quality, context.work.name, place)
    body = json.dumps(outcome.counts.kept())
    return Result(status=200, body=body, disclosed=tuple(outcome.written))


def _told(context: Context, name: str, counts: Counts, url: str) -> dict[str, Any]:
    numbers = ("rows", "taken", "unchanged", "rejected", "resources")
    told: list[dict[str, Any]] = [{"name": "dataset", "valueString": name}]
    told += [{"name": one, "valueInteger": getattr(counts, one)} for one in numbers]
    for said, count in counts.warnings.most_common(_MOST_WARNINGS):
        parts = [{"name": "told", "valueString": said}, {"name": "count", "valueInteger": count}]
        told.append({"name": "warning", "part": parts})
    if url:
        base_url = context.interpreters.settings.base_url
        told.append({"name": "rejects", "valueUrl": f"{base_url}/{url}"})
    return {"resourceType": "Parameters", "parameter": told}
