"""A resource in words: what its narrative says of each element, in Chinese or English.

What elements are called stands in ``profiles/narrative/labels.toml``. Numbers come as text, so that
they are told with the digits that were stored.

Spec: https://hl7.org/fhir/R4/narrative.html#generation
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from server.fhir.messages import TAGS, Language

Json = Mapping[str, Any]
Naming = Callable[[Json], str | None]
"""Gives what the code of a Coding is called by its system, None if that is not known."""

_XHTML = "http://www.w3.org/1999/xhtml"
_LEFT_OUT = frozenset(("resourceType", "id", "meta", "implicitRules", "text", "contained"))
_EXTENSIONS = ("extension", "modifierExtension")
_CHOICES = "value|effective|onset|abatement|performed|occurrence|medication|deceased|multipleBirth"
_CHOICE = re.compile(rf"({_CHOICES}|asNeeded|timing|product|reported|allowed)[A-Z]\w*")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BOOLEANS = {"zh": ("否", "是"), "en": ("no", "yes")}
_LIST = {"zh": "；", "en": "; "}
_COLON = {"zh": "：", "en": ": "}
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Labels:
    """What types, elements and extensions are called in Chinese."""

    types: Mapping[str, str]
    elements: Mapping[str, str]
    extensions: Mapping[str, str]


def load(folder: Path) -> Labels:
    """Return the labels in ``narrative/labels.toml`` of `folder`."""
    found = tomllib.loads((folder / "narrative" / "labels.toml").read_text("utf-8"))
    return Labels(found["types"], found["elements"], found["extensions"])


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells resources in `language`; `naming` knows what codes without a display are called."""

    labels: Labels
    language: Language
    naming: Naming

    def narrative(self, resource: Json) -> dict[str, str]:
        """Return the Narrative of `resource`, which is valid and has its numbers as text."""
        type = resource["resourceType"]
        title = self.labels.types.get(type, type) if self.language == "zh" else _words(type)
        rows = "".join(
            f"<tr><th>{_told(name)}</th><td>{_told(value)}</td></tr>"
            for name, value in self._pairs(resource, _DEEPEST)
        )
        tag = TAGS[self.language]
        table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
        head = f'<div xmlns="{_XHTML}" lang="{tag}" xml:lang="{tag}">'
        return {"status": "generated", "div": f"{head}<p>{_told(title)}</p>{table}</div>"}

    def _pairs(self, element: Json, depth: int) -> Iterator[tuple[str, str]]:
        for name, value in element.items():
            if name in _EXTENSIONS:
                for one in value:
                    yield from self._extension(one, depth)
            elif name not in _LEFT_OUT and not name.startswith("_"):
                told = self._value(value, depth - 1)
                if told:
                    yield self._label(name), told

    def _extension(self, extension: Json, depth: int) -> Iterator[tuple[str, str]]:
        url = extension["url"]
        id = url.rpartition("/")[2]
        label = self.labels.extensions.get(id) if self.language == "zh" else None
        inner = {key: value for key, value in extension.items() if key != "url"}
        values = [self._value(value, depth - 1) for key, value in inner.items() if key != "id"]
        if told := _LIST[self.language].join(filter(None, values)):
            yield label or _words(id.removeprefix("cn-").replace("-", " ")), told

    def _label(self, name: str) -> str:
        choice = _CHOICE.fullmatch(name)
        plain = choice[1] if choice else name
        known = self.labels.elements.get(name) or self.labels.elements.get(plain)
        return known if known and self.language == "zh" else _words(plain)

    def _value(self, value: Any, depth: int) -> str:  # noqa: ANN401  # any JSON
        match value:
            case bool():
                return _BOOLEANS[self.language][value]
            case str():
                return value
            case list():
                told = (self._value(one, depth) for one in value if one is not None)
                return _LIST[self.language].join(filter(None, told))
            case dict():
                return self._datatype(value, depth)
        return ""

    def _datatype(self, value: Json, depth: int) -> str:  # noqa: PLR0911  # one for each shape
        match value:
            case {"coding": list(codings)}:
                return str(value.get("text") or self._first(codings))
            case {"reference": str(reference)}:
                return str(value.get("display") or reference)
            case {"system": str(), "code": str()} if "value" not in value:
                return self._first([value])
            case {"value": str(number)} if "unit" in value or "code" in value:
                unit = value.get("unit") or value["code"]
                return f"{value.get('comparator', '')}{number} {unit}"
            case {"start": _} | {"end": _} | {"low": _} | {"high": _}:
                names = ("start", "end") if {"start", "end"} & value.keys() else ("low", "high")
                return " – ".join(self._value(value.get(name), depth) for name in names)
            case {"text": str(text)} | {"display": str(text)}:
                return text
            case {"family": _} | {"given": _}:
                return _person(value)
            case {"value": str(text)}:
                kind = self._value(value.get("type"), depth)
                return f"{kind} {text}".strip()
        return self._inner(value, depth)

    def _inner(self, value: Json, depth: int) -> str:
        """Return the elements of a backbone element in one line."""
        if depth <= 0:
            return ""
        pairs = (f"{name}{_COLON[self.language]}{told}" for name, told in self._pairs(value, depth))
        return _LIST[self.language].join(pairs)

    def _first(self, codings: list[Json]) -> str:
        """Return what a concept is called: by a display, else by its system, else its code."""
        displays = (one["display"] for one in codings if "display" in one)
        names = (name for one in codings if (name := self.naming(one)) is not None)
        codes = (one["code"] for one in codings if "code" in one)
        return str(next(displays, None) or next(names, None) or next(codes, ""))


def _person(name: Json) -> str:
    family, given = name.get("family", ""), name.get("given", [])
    parts = [one for one in (family, *given) if one]
    is_han = all("\u4e00" <= one[0] <= "\u9fff" for one in parts)
    return ("" if is_han else " ").join(parts)


def _words(name: str) -> str:
    """Return the name of an element as words: ``birthDate`` is Birth date."""
    words = _WORDS.sub(" ", name).lower()
    return words[:1].upper() + words[1:]


def _told(value: str) -> str:
    """Return `value` as it may stand in XHTML, which allows no control characters."""
    return escape("".join(one for one in value if one.isprintable()))
