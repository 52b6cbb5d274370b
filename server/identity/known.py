"""What others may know of a person, so that it is no secret: names, numbers, date of birth.

Spec: https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver
"""

from collections.abc import Iterator
from typing import Any

import orjson

from server.access.caller import Caller
from server.context import Context
from server.door import perform
from server.fhir.json import Resource
from server.identity import internal
from server.interactions.call import Call
from server.services import Services
from server.store.shelf import Record

_SHORTEST = 4


def of(services: Services, account: Record) -> tuple[str, ...]:
    """Return what is known of the person of `account`, as parts that a password may not have."""
    found = [account["name"], account.get("shown") or ""]
    if account["kind"] == "resident":
        found += _in_record(services, account["person"])
    return tuple(dict.fromkeys(one for one in found if len(one) > 1))


def phones(patient: Resource) -> list[str]:
    """Return the telephone numbers of a person, that of a mobile one first."""
    listed = [one for one in patient.get("telecom", ()) if one.get("system") in ("phone", "sms")]
    listed.sort(key=lambda one: one.get("use") != "mobile")
    return [str(one["value"]) for one in listed if one.get("value")]


def own_record(services: Services, patient: str) -> Resource | None:
    """Return the Patient that `patient` (``Patient/a``) names, None if there is none."""
    caller = Caller(kind="system", purpose="HSYSADMIN")
    access = internal.of_person(services, caller, patient)
    context = Context.of(services, access, services.interpreters.settings.language)
    query = (("_id", patient.partition("/")[2]),)
    call = Call(interaction="search-type", type="Patient", query=query)
    bundle: dict[str, Any] = orjson.loads(perform(context, call).body)
    return next((entry["resource"] for entry in bundle.get("entry", ())), None)


def _in_record(services: Services, reference: str) -> Iterator[str]:
    patient = own_record(services, reference) or {}
    born = str(patient.get("birthDate", "")).replace("-", "")
    parts = [born, born[2:], *phones(patient)]
    for identifier in patient.get("identifier", ()):
        number = str(identifier.get("value", ""))
        # Six digits at the end are what people take of an ID number.
        parts += [number, number[-6:]]
    yield from (part for part in parts if len(part) >= _SHORTEST)
