"""What is wrong with a value of a primitive type, in one Issue.

Spec: https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import re

from server.fhir.outcome import Issue
from server.profiles import narrative, references
from server.profiles.primitives import DAYS, LENGTH, bounds, is_clean, is_real_day
from server.profiles.rules import Rules
from server.profiles.shapes import Slot

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?").fullmatch
_JSON_TYPES = {"Boolean": "boolean", "Decimal": "number", "Integer": "number"}
_LONGEST = 40


def brief(value: object) -> str:
    """Return `value` as a message may show it: 40 characters at most, and no control characters."""
    match value:
        case str():
            text = value
        case dict():
            text = "{…}"
        case list():
            text = "[…]"
        case None:
            text = "null"
        case bool():
            text = str(value).lower()
        case _:
            text = str(value)
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(char if char.isprintable() or char == "\u3000" else "\ufffd" for char in shown)


def value_fault(rules: Rules, slot: Slot, value: object, path: str) -> Issue:
    """Return why `value`, which `rules` refuse, may not stand in the primitive `slot`."""
    kind = rules.definitions.primitives[slot.type].value
    expected = _JSON_TYPES.get(kind, "string")
    found = _json_type(value)
    if found != expected:
        types = {"type": slot.type, "expected": expected, "found": found}
        return Issue("structure", "structure-json-type", types, path)
    if type(value) is str:
        return _text_fault(rules, slot, value, path)
    smallest, largest = bounds(slot.type)
    number = {"value": brief(value), "type": slot.type, "min": smallest, "max": largest}
    return Issue("value", "structure-number", number, path)


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _text_fault(rules: Rules, slot: Slot, value: str, path: str) -> Issue:
    if slot.type == "xhtml" and value:
        return _narrative_fault(value, path)
    code, message = _text_reason(rules, slot, value)
    arguments = {
        "value": brief(value),
        "type": slot.type,
        "value_set": slot.element.binding,
        "max": LENGTH,
    }
    return Issue(code, message, arguments, path)


def _text_reason(rules: Rules, slot: Slot, value: str) -> tuple[str, str]:
    """Return the issue code and the message for the text `value`: the first that holds."""
    too_long = slot.type in ("string", "markdown") and len(value) > LENGTH
    unlisted = slot.element.binding is not None and rules.primitives["code"](value)
    no_day = slot.type in DAYS and _DAY(value) is not None and not is_real_day(value)
    is_reference = slot.element.path == "Reference.reference"
    reasons = (
        (value == "", "structure", "structure-empty-string"),
        (not is_clean(value), "value", "structure-control-character"),
        (too_long, "too-long", "structure-string-too-long"),
        (is_reference, "value", references.fault(value, rules.resource_types) or "reference-form"),
        (unlisted, "code-invalid", "structure-code-not-in-value-set"),
        (no_day, "value", "structure-no-such-day"),
        (True, "value", "structure-format"),
    )
    return next((code, message) for holds, code, message in reasons if holds)


def _narrative_fault(value: str, path: str) -> Issue:
    refused = narrative.refusal(value)
    message, detail = (refused.message, refused.detail) if refused else ("structure-format", "")
    return Issue("value", message, {"value": brief(detail)}, path)
