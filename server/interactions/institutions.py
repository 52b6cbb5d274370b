"""Which Organization the institution of a record is, each looked for once in one piece of work.

The institution may be named by the reference to an Organization or by its code; both are the same
where the Organization is known.

Spec: WS 445-2014; https://hl7.org/fhir/R4/references.html#logical
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.fhir.reference import parse
from server.interactions.criteria import Criteria, compiled
from server.search.values import escaped

ELEMENT = "organization"
"""The element of a record that says which Organization its institution is."""
TYPE = "Organization"
Others = Mapping[str, json.Resource]
"""The other resources of a Bundle, by the fullUrl that links to them have."""
Pair = tuple[str, str]
"""A search parameter and its value."""


class Institutions:
    """Finds Organizations, by the context `own` of the server itself; what is found is kept."""

    def __init__(self, own: Context) -> None:
        self.own = own
        self._base_url = own.interpreters.settings.base_url
        self._known: dict[tuple[Pair, ...], str | None] = {}
        self._codes: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._criteria: dict[tuple[object, ...], Criteria] = {}

    def organization(self, record: json.Resource, others: Others) -> str | None:
        """Return the reference to the Organization that the institution is, None if not known.

        A link to one of `others` is one to it then, too.
        """
        text: str = record["institution"].get("reference", "")
        if text in others or text.startswith(f"{TYPE}?"):
            return text
        target = parse(text, self._base_url)
        if target.local and target.type == TYPE:
            return target.text
        identifier = named(record, {}).get("identifier", {})
        return self._found([("identifier", code(identifier))]) if _is_code(identifier) else None

    def ways(self, record: json.Resource, others: Others) -> list[Pair]:
        """Return all that finds what is of the institution of `record`, the same always the first.

        Raises Unprocessable if nothing tells which institution it is.
        """
        known = record.get(ELEMENT, {}).get("reference", "")
        identifier = named(record, others).get("identifier", {})
        if known.startswith(f"{TYPE}?"):
            known = self._found(parse_qsl(known.partition("?")[2])) or known
        elif known in others and _is_code(identifier):
            known = self._found([("identifier", code(identifier))]) or known
        target = parse(known, self._base_url)
        if target.local and target.id is not None:
            codes = [one for one in (*self._codes_of(target.id), identifier) if _is_code(one)]
            return list(dict.fromkeys([("organization", target.text), *map(_by_code, codes)]))
        if not _is_code(identifier):
            where = f"{record['resourceType']}.institution"
            raise Unprocessable.because("record-institution-untold", where)
        return [_by_code(identifier)]

    def criteria(self, type: str, number: Pair, ways: Sequence[Pair]) -> Criteria:
        """Return what finds what has the `number` and is of the institution by one of its `ways`.

        The first of them names the claim.
        """
        key = type, number, *ways
        if key not in self._criteria:
            found = [compiled(self.own, type, (number, way)) for way in ways]
            conditions = [one.condition for one in found]
            condition = conditions[0] if len(conditions) == 1 else {"$or": conditions}
            self._criteria[key] = Criteria(condition, found[0].claim)
        return self._criteria[key]

    def _found(self, pairs: Sequence[Pair]) -> str | None:
        """Return the reference to the one Organization that `pairs` find, None if there is none."""
        key = tuple(pairs)
        if key not in self._known:
            wanted = compiled(self.own, TYPE, pairs)
            found = self.own.resources.matching(TYPE, wanted.condition, limit=2)
            self._known[key] = f"{TYPE}/{found[0].id}" if len(found) == 1 else None
        return self._known[key]

    def _codes_of(self, id: str) -> Sequence[Mapping[str, Any]]:
        if id not in self._codes:
            found = self.own.resources.find(TYPE, id)
            body = orjson.loads(found.body) if found is not None and found.body is not None else {}
            self._codes[id] = body.get("identifier", ())
        return self._codes[id]


def institution(record: Mapping[str, Any]) -> json.Resource:
    """Return the reference to the institution of `record` as others can follow it."""
    return {**record.get(ELEMENT, {}), **named(record, {})}


def named(record: Mapping[str, Any], others: Others) -> json.Resource:
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


def code(identifier: Mapping[str, Any]) -> str:
    """Return `identifier` as a search has it: its system and its value."""
    return f"{literal(identifier['system'])}|{literal(identifier['value'])}"


def literal(text: str) -> str:
    """Return `text` as a search means nothing else by it."""
    return escaped(text).replace(",", r"\,").replace("$", r"\$")


def _is_code(identifier: Mapping[str, Any]) -> bool:
    return "system" in identifier and "value" in identifier


def _by_code(identifier: Mapping[str, Any]) -> Pair:
    return "organization:identifier", code(identifier)
