"""Who is at the portal: a resident and whose record they look at, or a member of staff."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

from server.fhir.json import Resource
from server.fhir.outcome import Forbidden, NotFound
from server.identity import access, people
from server.identity.sessions import Session
from server.portal import persons, trace
from server.portal.desk import Desk
from server.portal.session import require_role, require_signed_in
from server.services import Services


@dataclass(frozen=True, slots=True)
class Visitor:
    """A resident who is signed in: `person` is whose record is looked at, of `persons`."""

    session: Session
    desk: Desk
    persons: tuple[str, ...]
    person: str

    @property
    def is_own(self) -> bool:
        """Tell whether the record is the resident's own, not a child's."""
        return self.person == self.persons[0]

    def names(self) -> dict[str, str]:
        """Return the names of all persons whose record may be looked at and is there."""
        return persons.names(self.desk, self.persons)

    def at(self, path: str, **query: str) -> str:
        """Return the address of the page at `path` about the person looked at.

        What of `query` is empty is left out.
        """
        whose = {} if self.is_own else {"person": self.person.partition("/")[2]}
        told = urlencode({name: value for name, value in (whose | query).items() if value})
        return f"{path}?{told}" if told else path

    def patient(self, reference: str) -> Resource:
        """Return the Patient that `reference` names."""
        return self.desk.read("Patient", reference.partition("/")[2])


def resident(services: Services) -> Visitor:
    """Return the resident who is signed in, looking at the record that ``?person=`` names.

    Raises NotFound for a person whose record is not theirs to see, Forbidden for staff.
    """
    session = require_signed_in()
    if session.account["kind"] != "resident":
        raise Forbidden.because("page-for-residents")
    desk = trace.desk(services, access.of(services, session, purpose="PATRQT"))
    known = people.persons(services, session.account)
    if not known:
        raise NotFound.because("person-unknown")
    asked = request.values.get("person")
    person = known[0] if asked is None else f"Patient/{asked}"
    if person not in known:
        raise NotFound.because("person-unknown")
    return Visitor(session, desk, known, person)


def staff(services: Services, role: str, purpose: str) -> tuple[Session, Desk]:
    """Return the member of staff of `role` who is signed in, and their desk."""
    session = require_role(role)
    return session, trace.desk(services, access.of(services, session, purpose=purpose))
