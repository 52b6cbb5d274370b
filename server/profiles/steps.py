"""Where in a resource something is: a chain of steps, written out only for what is at fault.

Spec: https://hl7.org/fhir/R4/fhirpath.html
"""

At = tuple["At | None", str, int | None]
"""Where an item is: inside what, under which name, and at which place if it is one of several."""


def path(at: At | None) -> str:
    """Return `at` as FHIRPath: ``Patient.identifier[1].system``."""
    parts: list[str] = []
    while at is not None:
        at, name, place = at
        parts.append(name if place is None else f"{name}[{place}]")
    return ".".join(reversed(parts))
