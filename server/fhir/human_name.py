"""Names of persons as they are compared.

Spec: https://hl7.org/fhir/R4/datatypes.html#HumanName
"""

import unicodedata
from collections.abc import Mapping
from typing import Any


def name_key(name: str) -> str:
    """Return `name` as names are compared: width, case and white space do not count."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if not letter.isspace() and letter not in "·•.")


def name_keys(person: Mapping[str, Any]) -> set[str]:
    """Return the keys of all names of `person`, a Patient or another resource with names."""
    found = set[str]()
    for name in person.get("name", ()):
        parts = name.get("family", "") + "".join(name.get("given", ()))
        found |= {name_key(name.get("text", "")), name_key(parts)}
    return {one for one in found if one}
