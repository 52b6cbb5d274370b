"""What there is to say of a row: which element, by which rule, about which value.

Spec: https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.access.partial import in_part
from server.fhir.outcome import Issue
from server.records.cells import Told

_SHOWN = 40
_CODES = {
    "dataset-required": "required",
    "dataset-domain": "code-invalid",
    "dataset-contradiction": "business-rule",
}


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing that is wrong with a row, or was put right in it.

    `element` is the Chinese name of the data element and `de` its identifier; `value` is what stood
    in the cell, whole, for a file of rejects that goes back to where it came from. Texts for
    callers are made of `message` and `arguments`, which show no number of a person whole.
    `severity` is error or warning; a row with an error is not taken.
    """

    element: str
    de: str
    value: str
    message: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    severity: str = "error"

    @property
    def rule(self) -> str:
        """Return the name of the rule: ``length``, ``domain``, ``swapped``."""
        return self.message.removeprefix("dataset-")

    def issue(self, row: int | None = None) -> Issue:
        """Return this as an issue of an OperationOutcome; `row` counts from 1."""
        place = "" if row is None else f"row[{row}]."
        code = _CODES.get(self.message, "value")
        expression = f"{place}{self.de}" if self.de else place.rstrip(".") or None
        return Issue(code, self.message, self.arguments, expression, self.severity)


def shown(value: str, *, is_personal: bool) -> str:
    """Return `value` as a message may show it."""
    if is_personal:
        return in_part(value)
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def fault(element: str, de: str, told: Told, *, is_personal: bool = False) -> RowFault:
    """Return what was `told` of a cell as a fault of the row."""
    arguments = {
        "element": element,
        "de": de or "-",
        "value": shown(told.value, is_personal=is_personal),
        **told.arguments,
    }
    if is_personal and "right" in arguments:
        arguments["right"] = in_part(str(arguments["right"]))
    return RowFault(element, de, told.value, told.message, arguments, told.severity)
