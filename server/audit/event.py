"""What the trail records: one act of one caller, as the rooms that see it tell of it.

Spec: https://hl7.org/fhir/R4/auditevent.html, 人口健康信息管理办法(试行) article 18 (R1.18)
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from server.access.caller import ANONYMOUS, Caller

Outcome = Literal["0", "4", "8"]
"""Success; the caller's failing, refusals among them; ours."""
DCM = "http://dicom.nema.org/resources/ontology/DCM"
OWN_ACTS = "urn:tongkang:act"
_REST = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_REST_CODE = "rest"
_INTERACTIONS = "http://hl7.org/fhir/restful-interaction"


class Shown(Protocol):
    """One version that somebody was told of, or wrote; `patients` are those it is about."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def patients(self) -> tuple[str, ...]: ...  # noqa: D102


class Term(msgspec.Struct, frozen=True, omit_defaults=True):
    """A code of a code system, and how the system words it."""

    system: str
    code: str
    display: str | None = None


class Act(msgspec.Struct, frozen=True, cache_hash=True):
    """A kind of act: its `type`, closer its `subtype`, and the letter of C, R, U, D or E."""

    type: Term
    subtype: Term
    action: str


_SECURITY = Term(DCM, "110113", "Security Alert")
_AUTHENTICATION = Term(DCM, "110114", "User Authentication")
_APPLICATION = Term(DCM, "110100", "Application Activity")
SIGNED_IN = Act(_AUTHENTICATION, Term(DCM, "110122", "Login"), "E")
SIGNED_OUT = Act(_AUTHENTICATION, Term(DCM, "110123", "Logout"), "E")
ACCOUNT_CHANGED = Act(_SECURITY, Term(DCM, "110137", "User Security Attributes Changed"), "U")
ROLES_CHANGED = Act(_SECURITY, Term(DCM, "110136", "Security Roles Changed"), "U")
CLIENT_CHANGED = Act(_SECURITY, Term(DCM, "110129", "Security Configuration"), "U")
EMERGENCY_BEGUN = Act(_SECURITY, Term(DCM, "110127", "Emergency Override Started"), "E")
EMERGENCY_ENDED = Act(_SECURITY, Term(DCM, "110138", "Emergency Override Stopped"), "E")
READS_BOUND = Act(_APPLICATION, Term(OWN_ACTS, "reads-bound"), "C")
READS_UNFOLDED = Act(_APPLICATION, Term(OWN_ACTS, "reads-unfolded"), "E")
STARTED = Act(_APPLICATION, Term(DCM, "110120", "Application Start"), "E")
TRAIL_USED = Act(Term(DCM, "110101", "Audit Log Used"), Term(OWN_ACTS, "trail"), "R")
_OWN = frozenset(("none", "job-status", "job-cancel", "job-rejects"))
_SUBTYPES = {"search-compartment": "search"}
_MAY_CHANGE = ("batch", "transaction", "operation")
_ACTIONS = {
    "create": "C", "update": "U", "patch": "U", "delete": "D", "search": "E", "none": "E",
    "operation": "E", "batch": "E", "transaction": "E",
}  # fmt: skip


def rest(interaction: str) -> Act:
    """Return the act of a FHIR interaction; ``none`` is a request that means nothing."""
    found = _RESTFUL.get(interaction)
    if found is None:
        action = _ACTIONS.get(interaction.partition("-")[0], "R")
        subtype = Term(_INTERACTIONS, _SUBTYPES.get(interaction, interaction))
        if interaction in _OWN:
            subtype = Term(OWN_ACTS, interaction)
        found = Act(Term(_REST, _REST_CODE, "RESTful Operation"), subtype, action)
        _RESTFUL[interaction] = found
    return found


_RESTFUL: dict[str, Act] = {}


def own(code: str, action: str) -> Act:
    """Return an act that no standard has a code for, such as ``consent-given``."""
    return Act(_SECURITY, Term(OWN_ACTS, code), action)


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One act of `caller`; when it is recorded is up to the trail.

    `reason` is why it was refused, a few words or a key of a message, without data of a person.
    `request` is the text of the request with what identifies a person masked. `shown` are the
    versions told of or written, `concerned` references to what else it is about, such as
    ``Consent/a``. `facts` are further names and values.
    """

    act: Act
    caller: Caller = ANONYMOUS
    outcome: Outcome = "0"
    reason: str | None = None
    address: str | None = None
    request: str = ""
    shown: tuple[Shown, ...] = ()
    concerned: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()

    def is_change(self) -> bool:
        """Tell whether this is more than a look at data."""
        is_rest = self.act.type.code == _REST_CODE
        return not is_rest or self.act.action in "CUD" or self.act.subtype.code in _MAY_CHANGE


def outcome(status: int) -> Outcome:
    """Return what an answer with this HTTP status says of the outcome."""
    return "0" if status < 400 else "4" if status < 500 else "8"


def opened(facts: Mapping[str, str]) -> Event:
    """Return the event that a lane of the trail begins with."""
    return _of_system(STARTED, facts)


def bound(facts: Mapping[str, str]) -> Event:
    """Return the event that many reads were stored as one sheaf."""
    return _of_system(READS_BOUND, facts)


def unfolded(facts: Mapping[str, str]) -> Event:
    """Return the event that the reads of a sheaf have got records of their own."""
    return _of_system(READS_UNFOLDED, facts)


def _of_system(act: Act, facts: Mapping[str, str]) -> Event:
    return Event(act=act, caller=Caller(kind="system"), facts=tuple(facts.items()))
