"""Guardians: whom the record of a child names as one.

A name alone is not enough, for many people share theirs: the record also has to give the
guardian's ID number, or a telephone number that is in the guardian's own record.

Spec: https://hl7.org/fhir/R4/relatedperson.html; Personal Information Protection Law article 31
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from server.audit.event import Event, rest
from server.context import Context
from server.door import perform
from server.fhir.human_name import name_key
from server.fhir.json import Resource
from server.identity import accounts, internal, known
from server.identity.real_name import Asker
from server.interactions.call import Call
from server.profiles.identity_numbers.residents import ID_NUMBER
from server.services import Services
from server.store.shelf import Record

_GUARDIAN = ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "GUARD")


def names(services: Services, child: str, account: Record, asker: Asker) -> bool:
    """Tell whether the record of `child`, an id, names the person of `account` as a guardian."""
    own = known.own_record(services, account["person"]) or {}
    phones = set(known.phones(own))
    return any(
        _is_guardian(one) and _is_named(one, account) and _is_person(one, account, phones)
        for one in _relatives(services, child, asker)
    )


def _relatives(services: Services, child: str, asker: Asker) -> list[Resource]:
    access = internal.relatives(services, asker.caller, child)
    context = Context.of(services, access, services.interpreters.settings.language)
    query = (("patient", child), ("_count", "50"))
    call = Call(interaction="search-type", type="RelatedPerson", query=query)
    result = perform(context, call)
    services.trail.append(
        Event(
            act=rest(call.interaction),
            caller=asker.caller,
            address=asker.address,
            shown=result.disclosed,
        )
    )
    bundle: dict[str, Any] = orjson.loads(result.body)
    return [entry["resource"] for entry in bundle.get("entry", ())]


def _is_guardian(relative: Resource) -> bool:
    codes = [
        (coding.get("system"), coding.get("code"))
        for one in relative.get("relationship", ())
        for coding in one.get("coding", ())
    ]
    is_past = relative.get("active") is False or _has_ended(relative.get("period", {}))
    return _GUARDIAN in codes and not is_past


def _has_ended(period: Mapping[str, str]) -> bool:
    """Tell whether a period is over; its end is a day, or begins with one."""
    end = period.get("end", "")
    return bool(end) and end < datetime.now(UTC).date().isoformat()[: len(end)]


def _is_named(relative: Resource, account: Record) -> bool:
    written = {
        name_key(text)
        for name in relative.get("name", ())
        for text in (name.get("text", ""), name.get("family", "") + "".join(name.get("given", ())))
    }
    return name_key(account["name"]) in written


def _is_person(relative: Resource, account: Record, phones: set[str]) -> bool:
    numbers = {
        accounts.resident_login(str(one.get("value", "")))
        for one in relative.get("identifier", ())
        if one.get("system") == ID_NUMBER
    }
    if numbers:
        return account["login"] in numbers
    return bool(phones & set(known.phones(relative)))
