"""What may stand in ``Reference.reference`` of a stored resource.

Whether the target is there, and of a type that the element allows, is not asked here. A
conditional reference (``Patient?identifier=...``) has been replaced before a resource is stored.

Spec: https://hl7.org/fhir/R4/references.html#literal
"""

import re
from collections.abc import Collection

from server.fhir.reference import is_id
from server.profiles.primitives import Check

_ABSOLUTE = re.compile(r"https?://[^\s/]\S*").fullmatch
_URN = re.compile(
    r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|urn:oid:[0-2](\.(0|[1-9][0-9]*))+"
).fullmatch
_RELATIVE = re.compile(r"([A-Za-z]+)/([^/]+)(?:/_history/([^/]+))?").fullmatch
_CONDITIONAL = re.compile(r"[A-Za-z]+\?.*", re.DOTALL).fullmatch


def is_reference(resource_types: Collection[str]) -> Check:
    """Return the function that tells whether a value is a literal reference."""

    def check(value: object) -> bool:
        return type(value) is str and fault(value, resource_types) is None

    return check


def target_type(text: str) -> str | None:
    """Return the resource type that the reference `text` names, None if it names none."""
    names = text.partition("/_history/")[0].split("/")
    if len(names) < 2 or not names[-2][:1].isupper() or not names[-2].isalpha():
        return None
    return names[-2]


def fault(text: str, resource_types: Collection[str]) -> str | None:
    """Return the key of the message that says what is wrong with the reference `text`, if any."""
    if relative := _RELATIVE(text):
        type, *ids = relative.groups()
        if all(id is None or is_id(id) for id in ids):
            return None if type in resource_types else "reference-type-unknown"
    if _ABSOLUTE(text) or _URN(text) or _is_internal(text):
        return None
    return "reference-conditional" if _CONDITIONAL(text) else "reference-form"


def _is_internal(text: str) -> bool:
    return text.startswith("#") and (text == "#" or is_id(text[1:]))
