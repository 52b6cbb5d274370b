"""Which visit a record is of: one institution and its number of the visit are one record.

Whoever sends a visit again means the record that is there. If its institution is an Organization
that is known, the record says so in `organization`, which the server alone writes.

Spec: WS 445-2014; https://hl7.org/fhir/R4/http.html#cond-update
"""

from dataclasses import replace

import msgspec
import orjson

from server.fhir import json
from server.interactions.criteria import Criteria
from server.interactions.entries import Entry
from server.interactions.institutions import ELEMENT, Institutions, Others, literal

_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NUMBERS = {"identifier": "visitNumber", "record-number": "recordNumber"}


def told_apart(known: Institutions, entry: Entry, others: Others) -> Entry:
    """Return `entry`, which has a record, with what finds the record of the same visit.

    One that is posted updates that record, if it is there; an id in it is not used. `others` are
    the resources that the record may link to. Raises Unprocessable if nothing tells which
    institution it is of.
    """
    call, record = entry.call, entry.resource
    is_formed = isinstance(record.get("visitNumber"), str) and isinstance(
        record.get("institution"), dict
    )
    if call.interaction not in ("create", "update") or not is_formed:
        return entry  # what is not formed is refused for that
    record, body = told(known, record, call.body, others)
    same = criteria(known, record, others)
    entry = replace(entry, call=replace(call, body=body), resource=record, same=same)
    if call.interaction == "update" or call.criteria is not None:
        return entry
    given = _PROPERTIES.decode(body)
    given.pop("id", None)
    posted = replace(call, interaction="update", body=msgspec.json.encode(given))
    resource = {name: one for name, one in record.items() if name != "id"}
    return replace(entry, call=posted, resource=resource)


def told(
    known: Institutions, record: json.Resource, body: bytes, others: Others
) -> tuple[json.Resource, bytes]:
    """Return `record`, and the same as `body`, with the Organization that its institution is.

    A link to another resource is one to it then, too.
    """
    found = known.organization(record, others)
    given = _PROPERTIES.decode(body)
    given.pop(ELEMENT, None)
    record = {name: one for name, one in record.items() if name != ELEMENT}
    if found is not None:
        record[ELEMENT] = {"reference": found}
        given[ELEMENT] = msgspec.Raw(orjson.dumps(record[ELEMENT]))
    return record, msgspec.json.encode(given)


def criteria(
    known: Institutions, record: json.Resource, others: Others, by: str = "identifier"
) -> Criteria:
    """Return what finds the records of the visit that `record` is of, and the claim to it.

    With `by` "record-number" it is those of its medical record instead. Raises Unprocessable if
    nothing tells which institution it is of.
    """
    number = (by, f"|{literal(record[_NUMBERS[by]])}")
    return known.criteria(record["resourceType"], number, known.ways(record, others))
