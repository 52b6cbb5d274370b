"""A resident whom nobody has stored before: the Patient that a record tells enough of.

That is a right ID number, and a name. The number tells the date of birth and the sex; if the record
tells others, it is not enough.

Spec: GB 11643-1999, https://openstd.samr.gov.cn/bzgk/gb/
"""

from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.canonical import BASE
from server.fhir.outcome import Unprocessable
from server.interactions.claimed import MEDICAL_RECORD, TYPE, Claimed
from server.interactions.writing import draft, new_id
from server.profiles.identity_numbers.residents import (
    ID_NUMBER,
    WrongNumberError,
    holder,
    upgraded,
)
from server.store.documents import Draft

PROFILE = f"{BASE}/StructureDefinition/cn-patient"


def newcomer(own: Context, record: json.Resource, claimed: Claimed) -> Draft | None:
    """Return the Patient that `record` tells of as `claimed`; None if that is not enough."""
    resource = _resource(record, claimed)
    if resource is None:
        return None
    body = json.dumps(resource)
    plain = orjson.loads(body)
    if own.interpreters.structure.faults(plain):
        return None
    try:
        return draft(own, TYPE, new_id(), plain, body, is_posted=True)
    except Unprocessable:
        return None


def _resource(record: json.Resource, claimed: Claimed) -> dict[str, Any] | None:
    try:
        who = holder(claimed.number or "")
    except WrongNumberError:
        return None
    text = _name(record, claimed)
    if text is None:
        return None
    identifiers = [
        {**one, "value": upgraded(one["value"])} if one["system"] == ID_NUMBER else dict(one)
        for one in claimed.identifiers
        # Of an institution's number nobody else would know whose it is.
        if one["system"] != MEDICAL_RECORD or "assigner" in one
    ]
    kept = {name: one for name, one in claimed.person.items() if name not in ("id", "meta", "text")}
    names = [{"text": text, **one} for one in claimed.person.get("name", ())[:1]]
    others = claimed.person.get("name", ())[1:]
    return {
        **kept,
        "resourceType": TYPE,
        "meta": {"profile": [PROFILE]},
        "identifier": identifiers,
        "name": [*(names or [{"use": "official", "text": text}]), *others],
        "gender": claimed.person.get("gender", who.sex),
        "birthDate": claimed.person.get("birthDate", who.born.isoformat()),
    }


def _name(record: json.Resource, claimed: Claimed) -> str | None:
    """Return the name that is told first, None if none is."""
    for name in claimed.person.get("name", ()):
        text = name.get("text") or name.get("family", "") + "".join(name.get("given", ()))
        if text:
            return str(text)
    display: str | None = record["patient"].get("display")
    return display or None
