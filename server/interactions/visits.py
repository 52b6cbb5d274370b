"""Which visit a record is of: one institution and its number of the visit are one record.

Whoever sends a visit again means the record that is there. The institution may be named by the
reference to an Organization or by its code; both are the same where the Organization is known, and
then the record says so in `organization`, which the server alone writes.

Spec: WS 445-2014; https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.fhir.reference import parse
from server.interactions.criteria import Criteria, compiled
from server.interactions.entries import Entry
from server.search.values import escaped

ELEMENT = "organization"
"""The element of a record that says which Organization its institution is."""
Others = Mapping[str, json.Resource]
"""The other resources of a Bundle, by the fullUrl that links to them have."""
_Pair = tuple[str, str]
_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TYPE = "Organization"
_NUMBERS = {"identifier": "visitNumber", "record-number": "recordNumber"}


def told_apart(own: Context, entry: Entry, others: Others) -> Entry:
    """Return `entry`, which has a record, with what finds the record of the same visit.

    One that is posted updates that record, if it is there; an id in it is not used. `own` is the
    context of the server itself, `others` are the resources that the record may link to. Raises
    Unprocessable if nothing tells which institution it is of.
    """
    call, record = entry.call, entry.resource
    is_formed = isinstance(record.get("visitNumber"), str) and isinstance(
        record.get("institution"), dict
    )
    if call.interaction not in ("create", "update") or not is_formed:
        return entry  # what is not formed is refused for that
    record, body = told(own, record, call.body, others)
    same = criteria(own, record, others)
    entry = replace(entry, call=replace(call, body=body), resource=record, same=same)
    if call.interaction == "update" or call.criteria is not None:
        return entry
    given = _PROPERTIES.decode(body)
    given.pop("id", None)
    posted = replace(call, interaction="update", body=msgspec.json.encode(given))
    resource = {name: one for name, one in record.items() if name != "id"}
    return replace(entry, call=posted, resource=resource)


def told(
    own: Context, record: json.Resource, body: bytes, others: Others
) -> tuple[json.Resource, bytes]:
    """Return `record`, and the same as `body`, with the Organization that its institution is.

    A link to another resource is one to it then, too.
    """
    known = _organization(own, record, others)
    given = _PROPERTIES.decode(body)
    given.pop(ELEMENT, None)
    record = {name: one for name, one in record.items() if name != ELEMENT}
    if known is not None:
        record[ELEMENT] = {"reference": known}
        given[ELEMENT] = msgspec.Raw(orjson.dumps(record[ELEMENT]))
    return record, msgspec.json.encode(given)


def criteria(
    own: Context, record: json.Resource, others: Others, by: str = "identifier"
) -> Criteria:
    """Return what finds the records of the visit that `record` is of, and the claim to it.

    With `by` "record-number" it is those of its medical record instead. Raises Unprocessable if
    nothing tells which institution it is of.
    """
    number = (by, f"|{_literal(record[_NUMBERS[by]])}")
    pairs = _institution(own, record, others)
    ways = [compiled(own, record["resourceType"], (number, pair)) for pair in pairs]
    if len(ways) == 1:
        return ways[0]
    return Criteria({"$or": [one.condition for one in ways]}, ways[0].claim)


def institution(record: Mapping[str, Any]) -> json.Resource:
    """Return the reference to the institution of `record` as others can follow it."""
    return {**record.get(ELEMENT, {}), **_named(record, {})}


def code(identifier: Mapping[str, Any]) -> str:
    """Return `identifier` as a search has it: its system and its value."""
    return f"{_literal(identifier['system'])}|{_literal(identifier['value'])}"


def _organization(own: Context, record: json.Resource, others: Others) -> str | None:
    """Return the reference to the Organization that the institution is, None if it is not known."""
    named = record["institution"]
    text: str = named.get("reference", "")
    if text in others or text.startswith(f"{_TYPE}?"):
        return text
    target = parse(text, own.interpreters.settings.base_url)
    if target.local and target.type == _TYPE:
        return target.text
    identifier = _named(record, {}).get("identifier", {})
    return _found(own, [("identifier", code(identifier))]) if _is_code(identifier) else None


def _institution(own: Context, record: json.Resource, others: Others) -> list[_Pair]:
    """Return all that finds what is of the institution of `record`, the same always the first."""
    known = record.get(ELEMENT, {}).get("reference", "")
    identifier = _named(record, others).get("identifier", {})
    if known.startswith(f"{_TYPE}?"):
        known = _found(own, parse_qsl(known.partition("?")[2])) or known
    elif known in others and _is_code(identifier):
        known = _found(own, [("identifier", code(identifier))]) or known
    target = parse(known, own.interpreters.settings.base_url)
    if target.local and target.id is not None:
        found = own.resources.find(_TYPE, target.id)
        body = orjson.loads(found.body) if found is not None and found.body is not None else {}
        codes = [one for one in (*body.get("identifier", ()), identifier) if _is_code(one)]
        return list(dict.fromkeys([("organization", target.text), *map(_by_code, codes)]))
    if not _is_code(identifier):
        where = f"{record['resourceType']}.institution"
        raise Unprocessable.because("record-institution-untold", where)
    return [_by_code(identifier)]


def _named(record: Mapping[str, Any], others: Others) -> json.Resource:
    """Return the reference to the institution of `record`; if it comes along, its code instead."""
    named: json.Resource = record["institution"]
    text = named.get("reference", "")
    inside = {f"#{one.get('id')}": one for one in record.get("contained", ())}
    found = inside.get(text) or others.get(text)
    if found is None:
        return named
    codes = [one for one in found.get("identifier", ()) if _is_code(one)]
    said = {
        "identifier": named.get("identifier") or next(iter(codes), None),
        "display": named.get("display") or found.get("name"),
    }
    return {name: one for name, one in said.items() if one}


def _found(own: Context, pairs: Sequence[_Pair]) -> str | None:
    """Return the reference to the one Organization that `pairs` find, None if there is none."""
    wanted = compiled(own, _TYPE, pairs)
    found = own.resources.matching(_TYPE, wanted.condition, limit=2)
    return f"{_TYPE}/{found[0].id}" if len(found) == 1 else None


def _is_code(identifier: Mapping[str, Any]) -> bool:
    return "system" in identifier and "value" in identifier


def _by_code(identifier: Mapping[str, Any]) -> _Pair:
    return "organization:identifier", code(identifier)


def _literal(text: str) -> str:
    """Return `text` as a search means nothing else by it."""
    return escaped(text).replace(",", r"\,").replace("$", r"\$")
