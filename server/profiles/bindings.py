"""Whether a code is in the value set that an element requires.

Spec: https://hl7.org/fhir/R4/terminologies.html#required
"""

import re
from collections.abc import Mapping
from typing import Any

from server.profiles.definitions import Definitions
from server.profiles.primitives import Check

_NONE: frozenset[str] = frozenset()

# Value sets with too many members to list, or with none: what a code of theirs looks like.
_PATTERNS = {
    "http://hl7.org/fhir/ValueSet/mimetypes": (
        # CapabilityStatement.format and Subscription.channel.payload take short forms too.
        # HL7's own DICOM endpoints have a parameter with spaces and no quotes. Its last character
        # is no space: a space that could belong to the next part as well takes exponential time.
        r"(xml|json|ttl|[A-Za-z0-9][\w!#$&\-^.+]{0,126}/[A-Za-z0-9*][\w!#$&\-^.+]{0,126}"
        r"( ?; ?[\w.\-]+=(\"[^\"]*\"|[^;\"\x00-\x1f]*[^;\"\x00-\x20]))*)"
    ),
    "http://hl7.org/fhir/ValueSet/currencies": r"[A-Z]{3}",
    "http://hl7.org/fhir/ValueSet/ucum-units": r"\S+",
}


def code_checks(definitions: Definitions) -> Mapping[str, Check]:
    """Return for each value set's URL the function that tells whether a code is in it."""
    listed = {
        url: _member(frozenset().union(*systems.values()))
        for url, systems in definitions.value_sets.items()
    }
    return listed | {url: _matching(pattern) for url, pattern in _PATTERNS.items()}


def has_coding_in(concept: Mapping[str, Any], value_set: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether a CodeableConcept has a coding in `value_set`, or no codings but text."""
    return "coding" not in concept or any(
        coding.get("code") in value_set.get(coding.get("system"), _NONE)
        for coding in concept["coding"]
    )


def _member(codes: frozenset[str]) -> Check:
    def check(value: object) -> bool:
        return type(value) is str and value in codes

    return check


def _matching(pattern: str) -> Check:
    matches = re.compile(pattern, re.ASCII).fullmatch

    def check(value: object) -> bool:
        return type(value) is str and matches(value) is not None

    return check
