"""What R4 itself allows a Reference to point to, as far as the reference tells.

The type of a target is told by the reference, if that is ``Type/id``, at the end of a URL or not;
by the resource it is about, if that is contained; else by ``Reference.type``. What is told twice
has to be the same. Of a ``urn:`` or a logical reference without a type nothing is known.

Spec: https://hl7.org/fhir/R4/references.html#Reference
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.profiles.references import target_type
from server.profiles.snapshots import STRUCTURE_DEFINITION

Json = Mapping[str, Any]
Fault = tuple[str, Mapping[str, object]]
"""The key of a message, and its arguments."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Tells what is wrong with references, by the names of all `resource_types`."""

    resource_types: Collection[str]

    def fault(self, reference: Json, allowed: Collection[str], root: Json) -> Fault | None:
        """Return what is wrong with `reference`, None if nothing is.

        `allowed` are the types that it may point to, none for any; `root` is the resource which
        contains those that it may name by ``#``.
        """
        text, said = reference.get("reference"), reference.get("type")
        found = self._found(text, root) if type(text) is str else None
        if said is not None:
            said = str(said).removeprefix(STRUCTURE_DEFINITION)
            if found is not None and said != found:
                told = {"found": found, "type": said[:60]}
                return "reference-type-differs", told
            found = said if said in self.resource_types else found
        if found is None or not allowed or found in allowed:
            return None
        return "reference-target", {"allowed": ", ".join(sorted(allowed)), "type": found}

    def _found(self, text: str, root: Json) -> str | None:
        """Return the type of what the reference `text` points to, None if it does not tell."""
        if text.startswith("#"):
            inner: Sequence[Json] = root.get("contained", ())
            there = [one for one in inner if one.get("id") == text[1:]]
            held = root if text == "#" else next(iter(there), {})
            return held.get("resourceType")
        found = target_type(text)
        return found if found in self.resource_types else None
