"""Administrative divisions in addresses: names of places carry their codes.

Spec: https://hl7.org/fhir/R4/extension-iso21090-sc-coding.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

_CODED_STRING = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"
_PARTS = ("_line", "_district", "_city", "_state")


def division_codes(address: Mapping[str, Any]) -> list[str]:
    """Return the codes that the parts of `address` carry, the longest first."""
    found = [code for name in _PARTS for code in _codes(address.get(name))]
    return sorted(found, key=len, reverse=True)


def home(addresses: Any) -> Mapping[str, Any] | None:  # noqa: ANN401  # any JSON
    """Return the address of use ``home``, else the first, None if there is none."""
    if not isinstance(addresses, list) or not addresses:
        return None
    found: Mapping[str, Any] = next(
        (one for one in addresses if one.get("use") == "home"), addresses[0]
    )
    return found


def _codes(part: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    if isinstance(part, list):
        for one in part:
            yield from _codes(one)
    elif isinstance(part, dict):
        for extension in part.get("extension", ()):
            match extension:
                case {"url": str(url), "valueCoding": {"code": str(code)}} if url == _CODED_STRING:
                    yield code
