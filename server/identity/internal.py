"""Accesses that the server itself has for one purpose each, in the name of whoever it serves.

They are as narrow as the purpose: one type, and one person where that is known.
"""

from msgspec import structs

from server.access.caller import Caller
from server.access.policy import Access, Right, Rights
from server.services import Services

_READING = frozenset("rs")
_KEEPING = frozenset("crus")
_PUBLISHING = frozenset("cru")


def trail_of(services: Services, caller: Caller, patient: str) -> Access:
    """Return the access by which `patient` is told who looked at their record."""
    return _narrow(services, caller, "auditor", Right("AuditEvent", _READING, (), (patient,)))


def consents_of(services: Services, caller: Caller, patient: str) -> Access:
    """Return the access by which the limits that `patient` sets are kept, as Consents."""
    return _narrow(services, caller, "system", Right("Consent", _KEEPING, (), (patient,)))


def finder(services: Services, caller: Caller) -> Access:
    """Return the access by which an emergency finds a patient, wherever they live."""
    return _narrow(services, caller, "registrar", Right("Patient", _READING))


def of_person(services: Services, caller: Caller, patient: str) -> Access:
    """Return the access by which it is looked up who `patient` (``Patient/a``) is."""
    return _narrow(services, caller, "registrar", Right("Patient", _READING, (), (patient,)))


def relatives(services: Services, caller: Caller, patient: str) -> Access:
    """Return the access by which it is looked up who the guardians of a child are."""
    right = Right("RelatedPerson", _READING, (), (f"Patient/{patient}",))
    return _narrow(services, caller, "registrar", right)


def publisher(services: Services) -> Access:
    """Return the access by which the definitions that come with the server are stored."""
    server = Caller(kind="system")
    return _narrow(services, server, "administrator", Right("*", _PUBLISHING))


def _narrow(services: Services, caller: Caller, role: str, right: Right) -> Access:
    rights = Rights(caller=structs.replace(caller, role=role), rights=(right,), internal=True)
    return services.access(rights)
