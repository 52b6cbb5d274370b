"""Requests about what is not the caller's.

`ASKED` are the requests, each with the token that makes it: reads by id, searches, chains, counts,
orders, histories, and writes that would betray what is there.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.security.access.shapes import ID_CARD, condition, observation, person, resource
from tests.security.access.tokens import FAR, NORTH

_B = f"{ID_CARD}%7C{NORTH}198001010002"
_F = f"{ID_CARD}%7C{FAR}198001010006"
FAMILY = ("app-a", "app-a-lab", "app-a-search-only", "app-a-masked", "family")
OFFICIALS = ("clinician-north", "clinician-launch", "registrar", "clinician-south")
"""Two groups of tokens; what none of a group may know is left out of the group's other world."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the token called `token`."""

    token: str
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What tells it from the others."""
        said = (self.body or {}).get("subject", "") if isinstance(self.body, dict) else self.body
        return f"{self.token} {self.method} {self.path} {said or ''} {self.headers or ''}".strip()


def _reads(token: str, stranger: str) -> list[Asked]:
    ids = [("Patient", stranger), *((type, f"{kind}-{stranger}") for type, kind in _TYPES)]
    found = []
    for type, id in ids:
        path = f"{type}/{id}"
        found += [
            Asked(token, "GET", path),
            Asked(token, "HEAD", path),
            Asked(token, "GET", f"{path}/_history"),
            Asked(token, "GET", f"{path}/_history/1"),
            Asked(token, "GET", path, headers={"If_None_Match": 'W/"1"'}),
            Asked(
                token, "GET", path, headers={"If_Modified_Since": "Thu, 01 Jan 2099 00:00:00 GMT"}
            ),
        ]
    return found


_LATER = "Thu, 01 Jan 2099 00:00:00 GMT"
_TYPES = (("Observation", "lab"), ("Observation", "gone"), ("Condition", "con"),
          ("Encounter", "enc"))  # fmt: skip
_SEARCHES = (
    "Patient?_id={s}", "Patient?_id={s}&_summary=count", "Patient?_total=accurate&_count=1",
    "Patient?identifier={n}", "Patient?name=%E9%99%88{s}", "Patient?_sort=birthdate",
    "Patient?_sort=-identifier&_count=1", "Patient?_sort=_lastUpdated&_count=1",
    "Patient?_has:Observation:subject:code=2339-0", "Patient?link=Patient/{s}",
    "Patient?_revinclude=*", "Patient?_content={s}", "Observation?subject=Patient/{s}",
    "Observation?subject=Patient/{s}&_summary=count", "Observation?patient.name=%E9%99%88{s}",
    "Observation?subject:Patient.identifier={n}", "Observation?_id=lab-{s},vit-{s}",
    "Observation?_sort=-value-quantity&_count=3&_total=accurate", "Observation?_count=0",
    "Observation?code=2339-0&_sort=date", "Observation?_include=*&_include:iterate=*",
    "Observation?_filter=subject eq Patient/{s}", "Observation?_list=list-none",
    "Observation?has-member=Observation/lab-{s}", "Observation?encounter=Encounter/enc-{s}",
    "Observation?encounter.subject=Patient/{s}", "Observation?focus:Patient.identifier={n}",
    "Condition?subject:Patient._has:Observation:subject:code=2339-0&_total=accurate",
    "Condition?_sort=-recorded-date&_count=2", "Encounter?_has:Observation:encounter:code=2339-0",
    "Appointment?actor=Patient/{s}&_include=*", "List?item=Observation/lab-{s}",
    "Provenance?target=Patient/{s}", "?_id={s},lab-{s}", "?_type=Patient,Condition&_summary=count",
    "Patient/{s}/Observation", "Patient/{s}/*", "Encounter/enc-{s}/Observation",
    "Observation/_history", "Observation/_history?_count=3", "Patient/_history",
    "_history?_count=9",
    "Practitioner?_revinclude=*",
    "Practitioner?_has:Patient:general-practitioner:name=%E9%99%88{s}",
    "Practitioner/pr-3/Patient", "Organization?_revinclude=*",
)  # fmt: skip


def _searches(token: str, stranger: str, number: str) -> list[Asked]:
    return [
        Asked(token, "GET", path.format(s=stranger, n=number).replace(" ", "%20"))
        for path in _SEARCHES
    ]


def _writes(token: str, stranger: str, number: str) -> list[Asked]:
    """Writes that nobody may make, or that must not tell what they met."""
    theirs = observation(f"lab-{stranger}", f"Patient/{stranger}", "laboratory")
    mine = observation(f"lab-{stranger}", "Patient/a", "laboratory")
    none = {"If_None_Exist": f"identifier={number}"}
    return [
        Asked(token, "PUT", f"Observation/lab-{stranger}", theirs),
        Asked(token, "PUT", f"Observation/lab-{stranger}", mine),
        Asked(token, "PUT", f"Observation/lab-{stranger}", mine, {"If_None_Match": "*"}),
        Asked(token, "PUT", f"Observation/lab-{stranger}", mine, {"If_Match": 'W/"1"'}),
        Asked(token, "PUT", f"Observation/gone-{stranger}", mine | {"id": f"gone-{stranger}"}),
        Asked(token, "PUT", f"Condition/con-{stranger}",
              condition(f"con-{stranger}", "Patient/a", "J06")),
        Asked(token, "PUT", f"Observation?subject=Patient/{stranger}", mine),
        Asked(token, "PUT", f"Observation?subject=Patient/{stranger}&code=2339-0", theirs),
        Asked(token, "PUT", f"Patient/{stranger}", person(stranger, NORTH, 9)),
        Asked(token, "DELETE", f"Observation/lab-{stranger}"),
        Asked(token, "DELETE", f"Observation/lab-{stranger}", None, {"If_Match": 'W/"1"'}),
        Asked(token, "DELETE", f"Observation/gone-{stranger}"),
        Asked(token, "DELETE", f"Observation?subject=Patient/{stranger}&code=2339-0"),
        Asked(token, "DELETE", f"Patient/{stranger}"),
        Asked(token, "POST", "Patient", person("x", FAR, 9), none),
        Asked(token, "POST", "Account", resource("Account", "x", status="active"),
              {"If_None_Exist": f"subject=Patient/{stranger}"}),
    ]  # fmt: skip


ASKED = (
    *_reads("app-a", "b"),
    *_reads("app-a-lab", "b"),
    *_reads("clinician-south", "f"),
    *_reads("app-a-masked", "b"),
    *_searches("app-a", "b", _B),
    *_searches("app-a-search-only", "b", _B),
    *_searches("family", "b", _B),
    *_searches("clinician-north", "f", _F),
    *_searches("clinician-launch", "f", _F),
    *_writes("app-a", "b", _B),
    *_writes("registrar", "f", _F),
    *_writes("clinician-north", "f", _F),
)
