"""What goes into the sections of a patient summary: of each the latest that the caller may see.

Spec: http://hl7.org/fhir/uv/ips/STU1.1/Structure-of-the-International-Patient-Summary.html
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from server.context import Context
from server.interactions.patience import Patience
from server.operations import lastn
from server.operations.following import FIELDS, Found
from server.operations.record import is_allowed
from server.profiles.summary import Choice, Section
from server.search.conditions import Condition
from server.store.unions import Part

_MOST = 50
"""How many resources a section holds."""


@dataclass(slots=True)
class Chosen:
    """A section and what was `found` for it, `number` resources in all.

    If it `is_withheld`, the caller may not see all types of it.
    """

    section: Section
    is_withheld: bool
    found: list[Found] = field(default_factory=list)
    number: int = 0

    def add(self, found: Found) -> None:
        """Keep `found`, and not many more than the section holds."""
        self.number += 1
        self.found.append(found)
        if len(self.found) >= 2 * _MOST:
            self.settle()

    def settle(self) -> None:
        """Keep the latest, the newest first."""
        self.found.sort(key=lambda one: one[1]["_id"])
        self.found.sort(key=lambda one: lastn.lateness(one[1]), reverse=True)
        del self.found[_MOST:]


def chosen(context: Context, patient: str) -> list[Chosen]:
    """Return the sections of the summary of the patient with the id `patient`, in order."""
    sections = [
        Chosen(section, is_withheld=not all(_is_shown(context, one) for one in section.choices))
        for section in context.interpreters.sections
    ]
    rows = context.resources.union(list(_parts(context, patient)), (*FIELDS, "ds"))
    for label, document in rows:
        number, _, type = label.partition(" ")
        sections[int(number)].add((type, document))
    for one in sections:
        one.settle()
    return sections


def _parts(context: Context, patient: str) -> Iterator[Part]:
    for number, section in enumerate(context.interpreters.sections):
        for choice in section.choices:
            if _is_shown(context, choice):
                conditions = _conditions(context, choice, patient)
                yield Part(choice.type, conditions, f"{number} {choice.type}")


def _conditions(context: Context, choice: Choice, patient: str) -> tuple[Condition, ...]:
    queries = context.interpreters.queries
    asked = (("patient", f"Patient/{patient}"), *choice.search)
    query = queries.compile(choice.type, asked, sight=context.sight)
    condition = queries.exact(query, Patience(context.resources))
    if not choice.of_each_code:
        return (condition,)
    groups = lastn.groups(context, condition, 1).values()
    ids = [row["_id"] for rows in groups for row in lastn.latest(rows, 1)]
    return condition, {"_id": {"$in": ids}}


def _is_shown(context: Context, choice: Choice) -> bool:
    """Tell whether the caller may see the type, and that which chooses the latest of each code."""
    has_codes = not choice.of_each_code or lastn.are_shown(context)
    return is_allowed(context, choice.type) and has_codes
