"""Whether a resource has the structure that FHIR gives its type, and every fault if not.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from server.fhir.outcome import Issue
from server.profiles.definitions import Definitions
from server.profiles.quick import quick_check
from server.profiles.rules import rules
from server.profiles.thorough import Thorough

# Nobody reads more, and a hostile body must not make an answer many times its size.
MOST = 500


@dataclass(frozen=True, slots=True)
class StructureValidator:
    """Checks of structure, compiled once from the Definitions.

    What is checked: known elements, JSON types, cardinality, primitive formats, choices,
    required bindings, the form of references, narratives, ext-1 and dom-2. `is_valid` is quick
    and says only yes or no.
    """

    is_valid: Callable[[object], bool]
    thorough: Thorough

    def faults(self, resource: dict[str, Any]) -> list[Issue]:
        """Return every fault of `resource`, parsed JSON with decimals as floats; [] when good.

        Of more than 500 faults the first 500 are returned, and one that says so.
        """
        try:
            if self.is_valid(resource):
                return []
            found = list(islice(self.thorough.resource(resource), MOST + 1))
        except RecursionError:
            return [Issue("too-long", "structure-too-deep")]
        if len(found) > MOST:
            found[MOST:] = [Issue("incomplete", "structure-more-faults", {"shown": MOST})]
        return found


def structure_validator(definitions: Definitions) -> StructureValidator:
    """Return the validator that `definitions` make."""
    compiled = rules(definitions)
    return StructureValidator(quick_check(compiled), Thorough(compiled))
