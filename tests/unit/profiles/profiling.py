"""Small profiles and what they say of resources, for the tests of profiles."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from server import content
from server.profiles import snapshots
from server.profiles.extensions import Extensions
from server.profiles.guide import Checking, Guide
from server.terminology.membership import UNKNOWN, Code, Verdict

R4 = "http://hl7.org/fhir/StructureDefinition/"
OURS = "http://a.example/StructureDefinition/"
FACTS = snapshots.load(content.PROFILES / "r4")


def profile(*elements, type="Patient", name="p", base=None, **more):
    """Return a StructureDefinition whose differential has `elements`: (path, facts) pairs."""
    rows = [row if isinstance(row, dict) else {"path": row[0], **row[1]} for row in elements]
    kind = "resource" if type in ("Patient", "Observation", "Bundle") else "complex-type"
    return {
        "resourceType": "StructureDefinition",
        "url": OURS + name,
        "name": name,
        "status": "active",
        "kind": kind,
        "abstract": False,
        "type": type,
        "baseDefinition": base or R4 + type,
        "derivation": "constraint",
        "differential": {"element": [{"path": type}, *rows]},
        **more,
    }


def extension(*elements, name="e", context="Patient", kind="element", **more):
    """Return the definition of an extension with `elements`, used in `context`."""
    url = {"path": "Extension.url", "fixedUri": OURS + name}
    contexts = [{"type": kind, "expression": context}]
    return profile(*elements, url, type="Extension", name=name, context=contexts, **more)


@dataclass(frozen=True)
class Sets:
    """A Membership of a few sets: codes by system, and the last day they are valid.

    Of R4's own value sets everything is a member: they are not what is looked at here.
    """

    sets: dict
    last: dict

    def at_once(self):
        return self

    def member(self, value_set: str, code: Code, on: date | None = None) -> Verdict:
        if value_set.startswith("http://hl7.org/fhir/ValueSet/"):
            return Verdict(is_member=True)
        systems = self.sets.get(value_set.partition("|")[0])
        if systems is None:
            return Verdict(is_member=None)
        listed = [name for system, names in systems.items() for name in names.items()
                  if code.system in (None, system)]  # fmt: skip
        displays = dict(listed)
        is_member = code.code in displays
        end = self.last.get(code.code)
        if is_member and end is not None and on is not None and on > end:
            is_member = False
        reason = UNKNOWN if code.code == NO_CODE else None
        return Verdict(is_member=is_member, reason=reason, display=displays.get(code.code))


COLOURS = OURS.replace("StructureDefinition", "ValueSet") + "colours"
SYSTEM = "urn:oid:1.2.3"
NO_CODE = "none"
"""A code that the system, which is here as a whole, does not have."""
SETS = Sets({COLOURS: {SYSTEM: {"r": "Red", "g": "Green"}}}, {"g": date(2000, 1, 1)})


class Room:
    """What judges resources by profiles, with some of them known."""

    def __init__(self, definitions, model, *known):
        by_url = {one["url"]: one for one in known}
        self.guide = Guide.of(FACTS, definitions.bases, by_url.get)
        zone = ZoneInfo("Asia/Shanghai")
        self.checking = Checking(model, zone, Extensions(definitions.bases, model.shapes), SETS)

    def issues(self, definition, resource, **options):
        """Return what `resource` does not fulfil of `definition`, (severity, message, place)."""
        compiled = self.guide.compiled(definition)
        found = self.checking.faults(resource, [compiled], self.guide.find, **options)
        return [(one.severity, one.message, one.expression) for one in found]

    def errors(self, definition, resource):
        """Return the errors among them, (message, place)."""
        return [
            (m, e) for severity, m, e in self.issues(definition, resource) if severity == "error"
        ]


def patient(**elements):
    return {"resourceType": "Patient", **elements}


def observation(**elements):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "a"}, **elements}
