"""Tokens of the fixture world: who they are for, and what they are limited by.

A token says its own rights; `bearer` writes them down for `application`, the server under test.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field

SENSITIVE = ("ETH", "GDIS", "HIV", "PSY", "SEX", "STD")


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. `about` are the patients of its levels patient/ and user/, None for all.

    `divisions`, `organizations` limit it by place, None by none. `masks` are by type the hidden and
    the masked elements.
    """

    name: str
    role: str
    scope: str
    about: tuple[str, ...] | None = None
    divisions: tuple[str, ...] | None = None
    organizations: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    organization: str | None = None
    division: str | None = None
    masks: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict, hash=False
    )

    @property
    def limited(self) -> bool:
        """Whether it is limited by place."""
        return self.divisions is not None or bool(self.organizations)

    def bearer(self) -> str:
        """Return the value of the Authorization header."""
        said = json.dumps(asdict(self), sort_keys=True).encode()
        return f"Bearer {urlsafe_b64encode(said).decode()}"


def app(name: str, scope: str, *about: str, **limits: object) -> Token:
    """Return the token of an app that a resident uses, with nothing sensitive unless released."""
    limits.setdefault("withheld", SENSITIVE)
    return Token(name, "resident", scope, about, **limits)  # type: ignore[arg-type]


def staff(name: str, role: str, scope: str, **limits: object) -> Token:
    """Return the token of a member of staff."""
    return Token(name, role, scope, None, **limits)  # type: ignore[arg-type]


def system(name: str, scope: str, **limits: object) -> Token:
    """Return the token of a backend system."""
    return Token(name, "system", scope, None, **limits)  # type: ignore[arg-type]


NORTH, SOUTH, FAR = "350602", "350603", "350203"
PREFECTURE = "350600"
_HIDING = {
    "Patient": (("generalPractitioner", "birthDate"), ("identifier", "telecom", "address")),
    "Observation": (("note", "method"), ()),
}
_ALL = "patient/*.rs"
_LAB, _VITAL = "category=laboratory", "category=vital-signs"

APPS = (
    app("app-a", _ALL, "Patient/a"),
    app("app-b", _ALL, "Patient/b"),
    app("app-a-v1", "patient/*.read launch/patient", "Patient/a"),
    app("app-a-read-only", "patient/*.r", "Patient/a"),
    app("app-a-search-only", "patient/*.s", "Patient/a"),
    app("app-a-few-types", "patient/Patient.rs patient/Observation.rs", "Patient/a"),
    app("app-a-no-patient", "patient/Observation.rs patient/Condition.rs", "Patient/a"),
    app("app-a-lab", f"patient/Observation.rs?{_LAB} patient/Patient.rs", "Patient/a"),
    app("app-a-letters", f"patient/Observation.r?{_LAB} patient/Observation.s?{_VITAL}",
        "Patient/a"),
    app("app-a-dated", "patient/Observation.rs?date=ge2024 patient/Patient.rs", "Patient/a"),
    app("app-a-except", "patient/Observation.rs?category:not=laboratory", "Patient/a"),
    app("app-a-either", f"patient/Observation.rs?{_LAB} patient/Observation.rs?code=8310-5",
        "Patient/a"),
    app("app-a-nonsense", "patient/Observation.rs?nonsense=1 patient/Patient.rs", "Patient/a"),
    app("app-a-malformed", "patient/Observation.Read patient/observation.rs PATIENT/*.rs "
        "patient/*.dus patient/*. patient/Observation.rs? user/*.rs#x", "Patient/a"),
    app("app-a-masked", _ALL, "Patient/a", masks=_HIDING),
    app("guardian", _ALL, "Patient/c"),
    app("family", "user/*.rs", "Patient/a", "Patient/c"),
    app("app-d", _ALL, "Patient/d"),
    app("app-d-released", _ALL, "Patient/d", withheld=("HIV", "STD")),
    app("app-d-all", _ALL, "Patient/d", withheld=()),
    app("app-e", _ALL, "Patient/e"),
    app("app-nobody", _ALL),
    app("app-internal", "patient/AuditEvent.rs patient/Task.rs patient/*.cruds", "Patient/a"),
)  # fmt: skip
STAFF = (
    staff("clinician-north", "clinician", "user/*.cruds", divisions=(NORTH,),
          organizations=("Organization/org-1",), organization="Organization/org-1",
          division=NORTH, withheld=SENSITIVE),
    staff("clinician-south", "clinician", "user/*.rs", divisions=(SOUTH,)),
    staff("clinician-prefecture", "clinician", "user/*.rs", divisions=(PREFECTURE,)),
    staff("clinician-unit", "clinician", "user/*.rs", divisions=(),
          organizations=("Organization/org-3",), withheld=("HIV",)),
    staff("clinician-nowhere", "clinician", "user/*.rs", divisions=()),
    staff("emergency", "clinician", "user/*.rs", divisions=(FAR,), withheld=SENSITIVE,
          lifted=("Patient/d",)),
    staff("clinician-launch", "clinician",
          "user/Patient.rs user/Condition.rs?clinical-status=active", divisions=(NORTH,)),
    staff("registrar", "registrar", "user/*.cruds", divisions=(NORTH,),
          organization="Organization/org-1", division=NORTH),
    staff("quality", "quality", "user/*.cruds"),
    staff("auditor", "auditor", "user/*.cruds user/AuditEvent.rs"),
    staff("security", "security", "user/*.cruds user/AuditEvent.rs"),
    staff("administrator", "administrator", "user/*.cruds"),
)  # fmt: skip
SYSTEMS = (
    system("backend", "system/*.rs"),
    system("backend-north", "system/*.cruds", divisions=(NORTH,), division=NORTH,
           organization="Organization/org-1", organizations=("Organization/org-1",)),
    system("backend-masked", "system/*.rs", masks=_HIDING, divisions=(PREFECTURE,)),
    system("backend-few", "system/Patient.s system/Encounter.rs system/AuditEvent.rs"),
)  # fmt: skip
TOKENS = (*APPS, *STAFF, *SYSTEMS)
BY_NAME = {token.name: token for token in TOKENS}
