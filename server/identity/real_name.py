"""Real names: who people say they are is compared with the one Patient of that ID number.

The name and the date of birth have to be those of the record. That somebody asked is recorded,
and told to the person whose record it is, also when it was not them.

Spec: 人口健康信息管理办法(试行) article 18 (R1.18), https://pages.nist.gov/800-63-4/sp800-63a.html
"""

from dataclasses import dataclass
from typing import Any

import orjson

from server.access.caller import Caller
from server.audit.event import Event, own
from server.context import Context
from server.door import perform
from server.fhir.human_name import name_key, name_keys
from server.fhir.json import Resource
from server.identity import internal
from server.interactions.call import Call
from server.profiles.identity_numbers.residents import ID_NUMBER, is_number
from server.services import Services

CHECKED = own("real-name-checked", "E")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says that they are, or that their child is; `born` is ``YYYY-MM-DD``."""

    number: str
    name: str
    born: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks whether a claim is true, and from which address."""

    caller: Caller
    address: str | None = None


def find(services: Services, claim: Claim, asker: Asker) -> Resource | None:
    """Return the one living Patient that `claim` describes, None if there is none."""
    if not is_number(claim.number):
        return None
    access = internal.finder(services, asker.caller)
    query = (("identifier", f"{ID_NUMBER}|{claim.number}"), ("_count", "2"))
    context = Context.of(services, access, services.interpreters.settings.language)
    result = perform(context, Call(interaction="search-type", type="Patient", query=query))
    bundle: dict[str, Any] = orjson.loads(result.body)
    found: list[Resource] = [entry["resource"] for entry in bundle.get("entry", ())]
    is_true = len(found) == 1 and _fits(found[0], claim)
    event = Event(
        act=CHECKED,
        caller=asker.caller,
        outcome="0" if is_true else "4",
        reason=None if is_true else "real-name-unconfirmed",
        address=asker.address,
        shown=result.disclosed,
    )
    services.trail.append(event)
    return found[0] if is_true else None


def _fits(patient: Resource, claim: Claim) -> bool:
    is_dead = patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient
    if is_dead or patient.get("active") is False or patient.get("birthDate") != claim.born:
        return False
    return name_key(claim.name) in name_keys(patient)
