"""Texts in forms, and what is wrong with a form that cannot be taken, field by field.

Spec: https://marshmallow.readthedocs.io/en/stable/api_reference.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from server.fhir.outcome import Issue


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


def texts(form: Mapping[str, str], **limits: Text) -> tuple[dict[str, str], dict[str, Issue]]:
    """Return the texts in `form` that are named, and what is wrong with the others."""
    return read({name: _Paragraph(limit) for name, limit in limits.items()}, form)


def read(
    shape: Mapping[str, fields.Field[Any]], form: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Issue]]:
    """Return what the fields of `shape` make of `form`, and what is wrong with the others.

    What is missing in `form` is empty.
    """
    schema = Schema.from_dict(dict(shape))(unknown=EXCLUDE)
    try:
        loaded: dict[str, Any] = schema.load({name: form.get(name, "") for name in shape})
    except ValidationError as error:
        return dict(error.valid_data or {}), _faults(error)
    return loaded, {}


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
