"""What a value shows of itself in part: what tells things apart, but names nobody.

A type that is not in `FORMS` has no partial form: of a quantity, a code or a picture nothing can be
left out that it would not be wrong without.

Spec: 人口健康信息管理办法(试行) article 8, 最少够用 (R1.8b); https://hl7.org/fhir/R4/security.html
"""

from collections.abc import Callable, Mapping
from typing import Any

_KEPT_OF_IDENTIFIER = ("use", "type", "system", "period")
_KEPT_OF_CONTACT_POINT = ("system", "use", "rank", "period")
_KEPT_OF_ADDRESS = ("use", "type", "district", "_district", "city", "_city", "state", "_state",
                    "country")  # fmt: skip
_OF_A_PERSON, _OF_A_TELEPHONE = 15, 11


def in_part(text: str) -> str:
    """Return a part of `text`: ``110101********1234``, ``138****5678``, ``陈**``.

    A number is one that may end in a letter, as that of an identity card does.
    """
    if text.isascii() and text[:-1].isdecimal():
        if len(text) >= _OF_A_PERSON:
            return f"{text[:6]}********{text[-4:]}"
        if len(text) >= _OF_A_TELEPHONE:
            return f"{text[:3]}****{text[-4:]}"
    return f"{text[:1]}**"


def _identifier(value: Mapping[str, Any]) -> dict[str, Any]:
    return _with_value(value, _KEPT_OF_IDENTIFIER)


def _contact_point(value: Mapping[str, Any]) -> dict[str, Any]:
    return _with_value(value, _KEPT_OF_CONTACT_POINT)


def _with_value(value: Mapping[str, Any], kept: tuple[str, ...]) -> dict[str, Any]:
    shown = {"value": in_part(value["value"])} if "value" in value else {}
    return _only(value, kept) | shown


def _human_name(value: Mapping[str, Any]) -> dict[str, Any]:
    text = value.get("text") or value.get("family") or ""
    return {**_only(value, ("use",)), "text": in_part(text[:1])}


def _address(value: Mapping[str, Any]) -> dict[str, Any]:
    return _only(value, _KEPT_OF_ADDRESS)


def _only(value: Mapping[str, Any], kept: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in kept if name in value}


def _year(value: str) -> str:
    return value[:4]


FORMS: Mapping[str, Callable[[Any], Any]] = {
    "Identifier": _identifier,
    "ContactPoint": _contact_point,
    "HumanName": _human_name,
    "Address": _address,
    "date": _year,
    "dateTime": _year,
    "string": in_part,
}
"""The function from a value to its partial form, by FHIR type."""
