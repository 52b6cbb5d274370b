"""The persons that a page offers to choose from, by name, and looking one up by ID number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from server.audit.event import Event, rest
from server.context import Context
from server.fhir.outcome import FhirError
from server.identity import access
from server.identity.sessions import Session
from server.interactions.call import Call
from server.interactions.door import perform
from server.portal.pages import language
from server.services import Services


@dataclass(frozen=True, slots=True)
class Persons:
    """The patients that the person of `session` may know of."""

    services: Services
    session: Session

    def names(self, patients: Iterable[str]) -> dict[str, str]:
        """Return the names of `patients` (``Patient/a``) by their ids."""
        return {one.partition("/")[2]: self._name(one) for one in patients}

    def found(self, number: str) -> str | None:
        """Return the patient with this ID number, None if there is not exactly one to be seen."""
        query = (("identifier", number), ("_count", "2"))
        bundle = self._asked(Call(interaction="search-type", type="Patient", query=query))
        matches = [one["resource"] for one in bundle.get("entry", ())]
        return f"Patient/{matches[0]['id']}" if len(matches) == 1 else None

    def _name(self, patient: str) -> str:
        type, _, id = patient.partition("/")
        try:
            found = self._asked(Call(interaction="read", type=type, id=id))
        except FhirError:
            return id
        for one in found.get("name", ()):
            full = one.get("text") or one.get("family", "") + "".join(one.get("given", ()))
            if full:
                return str(full)
        return id

    def _asked(self, call: Call) -> Mapping[str, Any]:
        allowed = access.of(self.services, self.session)
        result = perform(Context.of(self.services, allowed, language()), call)
        self.services.trail.append(
            Event(act=rest(call.interaction), caller=allowed.caller, shown=result.disclosed)
        )
        found: Mapping[str, Any] = orjson.loads(result.body)
        return found
