"""What of a resource goes out to a caller from whom elements are hidden, or shown only in part.

Hidden elements are left out and masked ones keep what tells things apart without naming a
person; narratives, which say everything again, are left out with them. It holds for
resources within others, too, and for what a reference says of its target.

Spec: 人口健康信息管理办法(试行) article 8, 最少够用 (R1.8b); https://hl7.org/fhir/R4/security.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from server.access import policy
from server.access.policy import Masks
from server.context import Context
from server.fhir import json
from server.fhir.outcome import Forbidden

_KEPT_OF_ADDRESS = (
    "use",
    "type",
    "district",
    "_district",
    "city",
    "_city",
    "state",
    "_state",
    "country",
)
_SELDOM_LONGER = 15


def shown(context: Context, type: str, body: bytes) -> bytes:
    """Return what of the resource `body` the caller may see."""
    masks = context.access.masks
    if not masks or not (type in masks or any(name.encode() in body for name in masks)):
        return body
    return json.dumps(_resource(json.exact(body), masks))


def require_whole(context: Context, type: str) -> None:
    """Raise Forbidden if the caller does not see all of `type`, and would overwrite the rest."""
    if type in context.access.masks:
        raise Forbidden.because("update-of-part-forbidden", type=type)


def _resource(resource: Mapping[str, Any], masks: Mapping[str, Masks]) -> dict[str, Any]:
    mine = masks.get(str(resource.get("resourceType")))
    found: dict[str, Any] = {}
    for name, value in resource.items():
        element = name.removeprefix("_")
        if mine is not None and (policy.is_among(element, mine.hidden) or element == "text"):
            continue
        if mine is not None and policy.is_among(element, mine.masked):
            if name == element:
                found[name] = _masked(element, value)
        else:
            found[name] = _within(value, masks)
    return found


def _within(value: Any, masks: Mapping[str, Masks]) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, list):
        return [_within(one, masks) for one in value]
    if not isinstance(value, dict):
        return value
    if "resourceType" in value:
        return _resource(value, masks)
    reference = value.get("reference")
    target = masks.get(_type(reference)) if isinstance(reference, str) else None
    kept = value if target is None else _reference(value, target)
    return {name: _within(one, masks) for name, one in kept.items()}


def _reference(value: Mapping[str, Any], target: Masks) -> Mapping[str, Any]:
    """Return a reference without what it says of a target whose name or number is not shown."""
    said = {"display": "name", "identifier": "identifier"}
    return {
        name: one
        for name, one in value.items()
        if said.get(name.removeprefix("_")) not in target.elements
    }


def _type(reference: str) -> str:
    parts = reference.partition("/_history/")[0].rstrip("/").split("/")
    return parts[-2] if len(parts) > 1 else ""


def _masked(element: str, value: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, list):
        return [_masked(element, one) for one in value]
    mask = _MASKS.get(element, _in_part)
    return mask(value)


def _in_part(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return `value` with its texts shown in part, and without extensions."""
    if isinstance(value, str):
        return stars(value)
    if isinstance(value, dict):
        kept = {"system", "use", "type", "rank", "period"}
        return {
            name: one if name in kept else _in_part(one)
            for name, one in value.items()
            if name != "extension" and not name.startswith("_")
        }
    return [_in_part(one) for one in value] if isinstance(value, list) else value


def _name(value: Mapping[str, Any]) -> dict[str, Any]:
    text = str(value.get("text") or value.get("family") or "")
    return {**({"use": value["use"]} if "use" in value else {}), "text": text[:1] + "**"}


def _address(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in _KEPT_OF_ADDRESS if name in value}


def _date(value: str) -> str:
    return value[:4]


_MASKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "address": _address,
    "birthDate": _date,
}


def stars(text: str) -> str:
    """Return `text` with its middle hidden: ``110101********1234``, ``138****5678``."""
    if len(text) >= _SELDOM_LONGER:
        start, end = 6, 4
    elif len(text) > 7:
        start, end = 3, 4
    else:
        start, end = min(1, max(0, len(text) - 1)), 0
    return text[:start] + "*" * max(0, len(text) - start - end) + text[len(text) - end :]
