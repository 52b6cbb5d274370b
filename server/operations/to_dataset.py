"""$to-dataset: a resident, a check-up or a record of a visit as rows of a national data set.

Each prescription and each report of a visit is a row; all else is one.

What a caller is not shown is not in the row either. Elements that no row can have back are listed.

Spec: WS 365-2011, WS 445-2014; https://hl7.org/fhir/R4/operations.html
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.context import Context
from server.fhir import json, reference
from server.fhir.outcome import NotFound, Unprocessable
from server.intake import ordering
from server.intake.belongings import Belongings
from server.intake.people import occasion_of
from server.intake.stable import StableIds
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.interactions.platform import platform
from server.mappings.datasets import DataSet, DataSets, Restored
from server.mappings.parts import RecordPart, parts
from server.operations import document, following
from server.operations.arguments import Arguments
from server.operations.following import FIELDS, Found
from server.operations.record import Record
from server.store.documents import Version

PATIENT, ENCOUNTER, RECORD = "Patient", "Encounter", "EncounterRecord"
_CSV = "text/csv"
_USUAL = {PATIENT: "PersonalInformation", ENCOUNTER: "HealthCheck", RECORD: "OutpatientRecord"}
_OF_INPATIENTS = "InpatientFrontPage"
_INPATIENT = {"system": "urn:oid:2.16.156.10011.2.3.1.271", "code": "3"}


def to_dataset(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the rows that the resource in the URL comes to, as Parameters or as CSV.

    Raises NotFound, also for a part that there is not; Gone; Unprocessable if rows of the data set
    tell of something else.
    """
    found = context.resources.read(call.resource_type, call.id or "")
    resource, disclosed = _shown(context, found), [Disclosed.of(found)]
    name = arguments.text("dataset")
    asked = None if name is None else context.interpreters.datasets.find(name)
    record = _record(context, resource) if call.type == ENCOUNTER else None
    if record is not None and (asked is None or asked.is_record):
        resource = _shown(context, record)
        disclosed.append(Disclosed.of(record))
    dataset = _fitting(context.interpreters.datasets, resource, asked)
    if dataset.is_record:
        wanted = _wanted(parts(dataset, resource), arguments.text("number"))
        return _answer(call, dataset, [dataset.restore([one.record]) for one in wanted], disclosed)
    occasion = occasion_of(json.spelled(found.body or b"{}")) if call.type == ENCOUNTER else ""
    ids = StableIds(context.services.store.secret())
    belongings = Belongings(dataset, ids, _patient(found), occasion)
    rows = _rows(context, call, found, belongings)
    resources = [resource, *(json.spelled(following.shown(context, row)) for row in rows)]
    restored = dataset.restore(ordering.ordered(resources, belongings))
    return _answer(call, dataset, [restored], (*disclosed, *map(document.told, rows)))


def _wanted(known: Sequence[RecordPart], number: str | None) -> Sequence[RecordPart]:
    """Return the part with the `number`, or all that are `known`. Raises NotFound."""
    if number is None:
        return known
    found = [one for one in known if one.number == number]
    if not found:
        raise NotFound.because("dataset-part-unknown", number=number[:60])
    return found


def _shown(context: Context, version: Version) -> json.Resource:
    """Return what the caller may see of `version`, numbers as their digits."""
    found: json.Resource = json.spelled(redaction.shown(context, version.body or b""))
    return found


def _record(context: Context, encounter: Mapping[str, Any]) -> Version | None:
    """Return the record that an `encounter` comes of, None if it is not of one that is seen."""
    source = str(encounter.get("meta", {}).get("source", ""))
    target = reference.parse(source.partition("#")[0], context.interpreters.settings.base_url)
    if not target.local or target.type != RECORD or not context.access.has(RECORD, "r"):
        return None
    try:
        return context.resources.read(RECORD, target.id or "")
    except NotFound:
        return None


def _fitting(datasets: DataSets, resource: Mapping[str, Any], asked: DataSet | None) -> DataSet:
    """Return the data set that was `asked` for, or else the usual one of such a `resource`.

    Raises Unprocessable if its rows tell of something else.
    """
    type = resource["resourceType"]
    usual = _OF_INPATIENTS if type == RECORD and _is_inpatient(resource) else _USUAL[type]
    dataset = asked or datasets.find(usual)
    if _subject(dataset) != type:
        said = {"name": dataset.name, "type": type}
        raise Unprocessable.because("dataset-of-other-type", **said)
    return dataset


def _is_inpatient(record: Mapping[str, Any]) -> bool:
    codings = record.get("visitClass", {}).get("coding", ())
    return any(_INPATIENT.items() <= one.items() for one in codings)


def _subject(dataset: DataSet) -> str:
    """Return the type of resource that a row of `dataset` tells of."""
    if dataset.is_record:
        return RECORD
    types = _types(dataset)
    return ENCOUNTER if ENCOUNTER in types else PATIENT


def _types(dataset: DataSet) -> set[str]:
    return {place.path.last.name for place in dataset.roots}


def _rows(context: Context, call: Call, found: Version, belongings: Belongings) -> Sequence[Found]:
    """Return all else that a row of a data set may have been about, as far as the caller sees it.

    What a check-up comes to is not all in its compartment, but what rows have told has a source.
    """
    whole = Record(call.resource_type, (found.id,), found.patients)
    types = _types(belongings.dataset)
    inside = whole.parts(context)
    parts = [part for type, part in inside.items() if type in types and type != call.type]
    if call.type == ENCOUNTER:
        people = [following.Pointer(*one.split("/", 1)) for one in found.patients]
        parts += following.parts(people)
        parts += belongings.parts(platform(context), types - inside.keys() - {PATIENT})
    allowed = [part for part in parts if context.access.has(part.type, "r")]
    rows = context.resources.union(allowed, FIELDS, letters="r")
    return sorted(rows, key=lambda row: (row[0], row[1]["_id"]))


def _patient(found: Version) -> str:
    """Return the id of the patient that `found` is, or is about."""
    if found.type == PATIENT:
        return found.id
    return next((one.partition("/")[2] for one in found.patients), "")


def _answer(
    call: Call, dataset: DataSet, rows: Sequence[Restored], told: Iterable[Disclosed]
) -> Result:
    disclosed = tuple(told)
    if _CSV in call.accepts:
        name = f"{dataset.name}.csv"
        return Result(
            status=200,
            body=_table([one.row for one in rows]),
            content_type=f"{_CSV}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
            disclosed=disclosed,
        )
    body = json.dumps(_parameters(dataset, rows))
    return Result(status=200, body=body, disclosed=disclosed)


def _table(rows: Sequence[Mapping[str, str]]) -> bytes:
    header = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO()
    csv.writer(table).writerows([header, *([row.get(one, "") for one in header] for row in rows)])
    return "\ufeff".encode() + table.getvalue().encode()


def _parameters(dataset: DataSet, rows: Sequence[Restored]) -> dict[str, Any]:
    told: list[dict[str, Any]] = [{"name": "dataset", "valueString": dataset.name}]
    for number, restored in enumerate(rows, 1):
        which = [{"name": "row", "valueInteger": number}] if len(rows) > 1 else []
        for name, value in restored.row.items():
            element = dataset.elements[name]
            said = {"name": name, "de": element.de, "hdsd": element.hdsd, "value": value}
            told.append({"name": "element", "part": [*_parts(said), *which]})
    for name, reason in rows[0].without_inverse.items():
        told.append({"name": "without-inverse", "part": _parts({"name": name, "reason": reason})})
    return {"resourceType": "Parameters", "parameter": told}


def _parts(said: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "valueString": text} for name, text in said.items() if text]
