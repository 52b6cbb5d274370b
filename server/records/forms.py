"""Texts in forms, and how a form that cannot be taken says why, field by field.

Spec: https://marshmallow.readthedocs.io/en/stable/api_reference.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from server.fhir.outcome import Issue


class Refused(Exception):
    """The form cannot be taken as it is; `faults` say why, by field."""

    def __init__(self, faults: Mapping[str, Issue]) -> None:
        super().__init__("The form has faults.")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Text:
    """How long a text in a form must and may be."""

    least: int = 1
    most: int = 500


class _Paragraph(fields.Field[str]):
    """A text of a person, without control characters but new lines."""

    def __init__(self, limits: Text) -> None:
        super().__init__(required=True)
        self.limits = limits

    def _deserialize(self, value: object, *_: Any, **__: Any) -> str:
        text = str(value).replace("\r\n", "\n").strip()
        if not text and self.limits.least:
            raise invalid("form-missing")
        if len(text) < self.limits.least:
            raise invalid("form-short", least=self.limits.least)
        if len(text) > self.limits.most:
            raise invalid("form-long", most=self.limits.most)
        if not text.replace("\n", "").isprintable():
            raise invalid("form-unprintable")
        return text


def texts(form: Mapping[str, str], **limits: Text) -> dict[str, str]:
    """Return the texts in `form` that are named. Raises Refused with what is wrong with each."""
    shape: dict[str, fields.Field[Any]] = {
        name: _Paragraph(limit) for name, limit in limits.items()
    }
    return load(shape, form)


def load(shape: Mapping[str, fields.Field[Any]], form: Mapping[str, str]) -> dict[str, Any]:
    """Return what the fields of `shape` make of `form`, in which what is missing is empty.

    Raises Refused with what is wrong with each.
    """
    schema = Schema.from_dict(dict(shape))(unknown=EXCLUDE)
    try:
        loaded: dict[str, Any] = schema.load({name: form.get(name, "") for name in shape})
    except ValidationError as error:
        raise Refused(_faults(error)) from None
    return loaded


def invalid(message: str, **arguments: object) -> ValidationError:
    """Return what a field raises to say `message`."""
    return ValidationError([{"message": message, "arguments": arguments}])


def _faults(error: ValidationError) -> dict[str, Issue]:
    found: dict[str, Issue] = {}
    for name, said in dict(error.messages).items():  # type: ignore[arg-type]  # of a form
        match said:
            case [{"message": str(message), "arguments": dict(arguments)}, *_]:
                found[str(name)] = Issue("value", message, arguments)
            case _:
                found[str(name)] = Issue("value", "form-missing")
    return found
