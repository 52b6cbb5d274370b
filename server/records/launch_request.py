"""What an EMR says when it launches an app for one of its staff.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from server.records.web_address import check_https

_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}")
_NOT_THERE = ("Patient", "Encounter")
"""Types that have parameters of their own, unless they play another role than launch."""


class Faulty(Exception):
    """The request cannot be understood; the argument is the name of the field at fault."""


def read(body: object) -> dict[str, Any]:
    """Return the request in `body`, parsed JSON or a form. Raises Faulty."""
    if not isinstance(body, Mapping):
        raise Faulty("body")
    try:
        found: dict[str, Any] = _Launch().load(dict(body))
    except ValidationError as error:
        raise Faulty(str(next(iter(error.messages_dict), "body"))[:40]) from None
    return found


def _reference(*types: str) -> fields.String:
    def check(value: str) -> None:
        if not _REFERENCE.fullmatch(value) or value.partition("/")[0] not in types:
            raise ValidationError("reference")

    return fields.String(validate=check)


def _is_context(value: Mapping[str, Any]) -> None:
    """Raise ValidationError unless `value` is an item of fhirContext as SMART 2.2 has it."""
    if not value.keys() <= {"reference", "canonical", "identifier", "type", "role"}:
        raise ValidationError("context")
    reference = value.get("reference")
    if not any(value.get(name) for name in ("reference", "canonical", "identifier")):
        raise ValidationError("context")
    if not all(isinstance(value.get(name, ""), str) for name in ("canonical", "type", "role")):
        raise ValidationError("context")
    if reference is not None:
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            raise ValidationError("context")
        is_launched = value.get("role", "launch") == "launch"
        if is_launched and reference.partition("/")[0] in _NOT_THERE:
            raise ValidationError("context")


class _Launch(Schema):
    class Meta:
        unknown = RAISE

    client_id = fields.String(required=True, validate=validate.Length(1, 128))
    user = fields.String(validate=validate.Length(1, 200))
    patient = _reference("Patient")
    encounter = _reference("Encounter")
    fhirContext = fields.List(fields.Dict(validate=_is_context), validate=validate.Length(0, 20))  # noqa: N815
    need_patient_banner = fields.Boolean()
    smart_style_url = fields.String(validate=[validate.Length(1, 500), check_https])
    intent = fields.String(validate=validate.Length(1, 100))
