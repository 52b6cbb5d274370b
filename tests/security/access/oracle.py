"""What each token may know, worked out from plain JSON and from nothing of the server's.

Scope, role, place, record, labels: a version is known to a token if all of them let it. What the
server compiles into filters is here a handful of loops over all versions there are.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.security.access.tokens import Token

Json = dict[str, Any]
Key = tuple[str, str, int]

PERSONAL = {"Patient", "Person", "RelatedPerson"}
DIRECTORY = {"Organization", "Practitioner", "PractitionerRole", "Location", "Medication"}
CONFORMANCE = {
    "ValueSet", "CodeSystem", "ConceptMap", "NamingSystem", "StructureDefinition",
    "Questionnaire", "SearchParameter", "OperationDefinition", "Measure",
}  # fmt: skip
INTERNAL = {"AuditEvent", "Task", "Subscription", "Parameters"}
_ROLES: dict[str, dict[str, str]] = {
    "resident": {"clinical": "rs", "personal": "rs", "shared": "rs", "Observation": "crs"},
    "clinician": {"clinical": "cruds", "personal": "rus", "shared": "rs"},
    "registrar": {"personal": "crus", "shared": "rs"},
    "quality": {"MeasureReport": "rs", "shared": "rs"},
    "auditor": {"AuditEvent": "rs"},
    "security": {},
    "administrator": {"directory": "crus", "conformance": "cruds"},
    "system": {"clinical": "cruds", "personal": "crus", "directory": "crus", "conformance": "rs"},
}
_ABOUT = {
    "patient": {"AllergyIntolerance", "Immunization", "RelatedPerson", "MolecularSequence"},
    "beneficiary": {"Coverage"},
    "participant.actor": {"Appointment"},
    "link.target": {"Person"},
    "target": {"Provenance"},
    "entity.what": {"AuditEvent"},
}
_NOBODYS = {"Group", "Task", *DIRECTORY, *CONFORMANCE}
_LOCAL = re.compile(r"(?:http://tongkang\.test/fhir/)?(Patient/[A-Za-z0-9.-]+)(?:/_history/\d+)?")
_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]*)\.(read|c?r?u?d?s?)(?:\?(.+))?")
_ICD = {"B20": "HIV", "B24": "HIV", "F20": "PSY", "F32": "PSY"}
_LOINC = {"7917-8": "HIV", "5221-7": "HIV", "2106-3": "SEX"}
_UNKEPT = {"date"}
"""Search parameters whose values the history does not keep: superseded versions stay unknown."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored version, a deletion if it has no body; `unit` and `place` are its writer's."""

    type: str
    id: str
    version: int
    body: Json | None
    unit: str | None
    place: str | None

    @property
    def key(self) -> Key:
        """Its type, id and version."""
        return self.type, self.id, self.version


@dataclass(frozen=True, slots=True)
class _Grant:
    level: str
    type: str
    letters: str
    limits: tuple[tuple[str, str], ...]


def values(body: Any, path: str) -> Iterator[Any]:
    """Yield what is at `path` in `body`, through lists."""
    here = body if isinstance(body, list) else [body]
    name, _, rest = path.partition(".")
    for one in here:
        if isinstance(one, dict) and name in one:
            if rest:
                yield from values(one[name], rest)
            else:
                yield from one[name] if isinstance(one[name], list) else [one[name]]


def about(type: str, body: Json) -> str | None:
    """Return the one patient that `body` is about, if it is about one."""
    if type == "Patient":
        return f"Patient/{body['id']}"
    if type in _NOBODYS:
        return None
    path = next((path for path, types in _ABOUT.items() if type in types), "subject")
    found = {
        match[1]
        for one in values(body, path)
        if (match := _LOCAL.fullmatch(one.get("reference", "")))
    }
    return found.pop() if len(found) == 1 else None


def labels(body: Any) -> set[str]:
    """Return the labels of sensitive data that codes anywhere in `body` bring with them."""
    found = (
        {"GDIS"}
        if isinstance(body, dict) and body.get("resourceType") == "MolecularSequence"
        else set()
    )
    if isinstance(body, dict):
        system, code = str(body.get("system", "")), body.get("code")
        if isinstance(code, str):
            table = {"icd-10": _ICD, "loinc.org": _LOINC}.get(system.rpartition("/")[2], {})
            found |= (
                {table[code[:3] if table is _ICD else code]}
                if (code[:3] if table is _ICD else code) in table
                else set()
            )
            found |= {code} & {"HIV", "PSY", "SEX"} if system.endswith("v3-ActCode") else set()
    children = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return found.union(*map(labels, children))


class Oracle:
    """Says what of all `stored` versions a token may know."""

    def __init__(self, stored: Iterable[Stored]) -> None:
        self.versions: dict[tuple[str, str], list[Stored]] = {}
        for one in stored:
            self.versions.setdefault((one.type, one.id), []).append(one)
        self.types = sorted({type for type, _ in self.versions})
        self._known: dict[tuple[str, Key, str], bool] = {}
        self.answers: dict[tuple[str, str], Any] = {}

    def letters(self, token: Token, type: str) -> set[str]:
        """Return what the token may do with `type` at all."""
        given = {letter for grant in _grants(token, type) for letter in grant.letters}
        return given & set(_role(token.role, type))

    def current(self, type: str) -> list[Stored]:
        """Return the newest version of each resource of `type`, also if it is a deletion."""
        return [some[-1] for (one, _), some in self.versions.items() if one == type]

    def knows(self, token: Token, stored: Stored, letter: str) -> bool:
        """Tell whether the token has the right `letter` to this version.

        To a superseded one it also has to have the right to the current one.
        """
        asked = token.name, stored.key, letter
        if asked not in self._known:
            self._known[asked] = self._knows(token, stored, letter)
        return self._known[asked]

    def _knows(self, token: Token, stored: Stored, letter: str) -> bool:
        newest = self.versions[stored.type, stored.id][-1]
        is_past = stored is not newest
        if is_past and not self.knows(token, newest, letter):
            return False
        body = stored.body or self._before(stored)
        deleted = stored.body is None
        if letter not in _role(token.role, stored.type):
            return False
        allowed = any(
            letter in grant.letters
            and self._reaches(token, grant, stored.type, body, is_past=is_past, deleted=deleted)
            for grant in _grants(token, stored.type)
        )
        return allowed and self._is_there(token, stored, body, letter, is_past=is_past)

    def known(self, token: Token, type: str, letters: str) -> list[Stored]:
        """Return the current resources of `type` that the token has all `letters` to."""
        return [
            one
            for one in self.current(type)
            if one.body is not None and all(self.knows(token, one, each) for each in letters)
        ]

    def history(self, token: Token, type: str, letter: str, id: str | None = None) -> set[Key]:
        """Return the versions, deletions too, that a history lists."""
        return {
            one.key
            for (of, named), some in self.versions.items()
            if of == type and id in (None, named)
            for one in some
            if self.knows(token, one, letter)
        }

    def _before(self, deletion: Stored) -> Json:
        earlier = self.versions[deletion.type, deletion.id][deletion.version - 2]
        return earlier.body or {}

    def _reaches(
        self, token: Token, grant: _Grant, type: str, body: Json, *, is_past: bool, deleted: bool
    ) -> bool:
        """Tell whether a scope is about this record, and its limits hold."""
        of_all = type in DIRECTORY | CONFORMANCE or token.about is None
        if not of_all and about(type, body) not in (token.about or ()):
            return False
        names = {name for name, _ in grant.limits}
        if (is_past and names & _UNKEPT) or "nonsense" in names:
            return False
        # Of a deleted resource nothing is left that could tell whether a limit holds.
        return not (grant.limits and deleted) and all(holds(body, *one) for one in grant.limits)

    def _is_there(
        self, token: Token, stored: Stored, body: Json, letter: str, *, is_past: bool
    ) -> bool:
        """Tell whether place and labels let the token know of a version."""
        shared = stored.type in DIRECTORY | CONFORMANCE
        if letter in "rs" and about(stored.type, body) in token.lifted and not shared:
            return True
        unit = self._unit(stored)
        if token.limited and not is_past and not (shared and letter in "rs"):
            near = any(
                self._place(stored, body).startswith(_prefix(one)) for one in token.divisions or ()
            )
            if not near and unit not in token.organizations:
                return False
        kept = set() if shared else labels(body) & set(token.withheld)
        return not kept or unit in token.organizations

    def _unit(self, stored: Stored) -> str | None:
        """Return who is responsible: who stored the first version."""
        first, *_ = self.versions[stored.type, stored.id]
        return first.unit

    def _place(self, stored: Stored, body: Json) -> str:
        """Return the division that a resource belongs to: where its patient lives now."""
        patient = (about(stored.type, body) or "/").partition("/")[2]
        home = next(
            (one for one in reversed(self.versions.get(("Patient", patient), [])) if one.body), None
        )
        if home is not None:
            codes = values(home.body, "address._district.extension.valueCoding.code")
            return str(next(codes))
        return stored.place or "-"


def holds(body: Json, name: str, value: str) -> bool:
    """Tell whether a limit of a scope holds."""
    if name == "date":
        return str(body.get("effectiveDateTime", "")) >= value.removeprefix("ge")
    path = {
        "category": "category.coding.code",
        "code": "code.coding.code",
        "clinical-status": "clinicalStatus.coding.code",
    }[name.partition(":")[0]]
    return (value in values(body, path)) != name.endswith(":not")


def _role(role: str, type: str) -> str:
    declared = _ROLES[role]
    group = "personal" if type in PERSONAL else "directory" if type in DIRECTORY else "clinical"
    group = "conformance" if type in CONFORMANCE else "internal" if type in INTERNAL else group
    usual = declared.get("shared", "") if group in ("directory", "conformance") else ""
    return declared.get(type, declared.get(group, usual))


def _grants(token: Token, type: str) -> list[_Grant]:
    """Return the well-formed scopes of the token that mean `type` and that it may use."""
    levels = {"resident": ("patient", "user"), "system": ("system",)}.get(token.role, ("user",))
    found = []
    for text in token.scope.split():
        match = _SCOPE.fullmatch(text)
        if match is None or not match[3] or match[1] not in levels:
            continue
        if match[2] != type and (match[2] != "*" or type in INTERNAL):
            continue
        if match[1] == "patient" and (not token.about or match[2] in INTERNAL):
            continue
        pairs = tuple(tuple(one.split("=", 1)) for one in match[4].split("&")) if match[4] else ()
        found.append(_Grant(match[1], match[2], {"read": "rs"}.get(match[3], match[3]), pairs))
    return found


def _prefix(division: str) -> str:
    return division.removesuffix("00").removesuffix("00")


Predicate = Callable[[Json], bool]
