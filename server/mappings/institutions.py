"""Conversions of what identifies an institution.

The code of an institution is met in three shapes, which tell the system that it is of: the unified
social credit code, the organisation code inside it, and the 22 characters of WS 218.

Spec: GB 32100-2015, GB 11714-1997, WS 218-2002,
https://openstd.samr.gov.cn/bzgk/gb/
"""

from typing import Any

from server.fhir.canonical import BASE
from server.mappings.conversions import Asked, Beside, Conversion, wrong_number
from server.profiles.identity_numbers.residents import WrongNumberError
from server.records.cells import WrongCellError

Json = Any
_SYSTEMS = {
    9: f"{BASE}/sid/organization-code",
    10: f"{BASE}/sid/organization-code",
    18: f"{BASE}/sid/unified-social-credit-code",
    22: f"{BASE}/sid/health-institution-code",
}
"""Which system a code is of, by its length."""


def code(asked: Asked) -> Conversion:
    """Make an Identifier of the code of an institution."""
    kinds = asked.facts.kinds.by_system

    def read(value: str, _: Beside) -> Json:
        system = _SYSTEMS.get(len(value))
        if system is None:
            raise WrongCellError("dataset-institution-code")
        kind = kinds[system]
        try:
            kind.read(value)
        except WrongNumberError as wrong:
            raise wrong_number(wrong, kind) from None
        return {"system": system, "value": value}

    return Conversion(read, lambda identifier: identifier.get("value"))
