"""What a StructureDefinition says, as a reader wants to see it: its elements, rules and bindings.

It tells what the definition itself adds, as its differential does; what it leaves alone is told by
its base. Names and texts come in the language asked for, where the definition has them in it.

Spec: https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/profiling.html
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir.json import Resource
from server.fhir.messages import TAGS, Language
from server.profiles.definitions import Definitions, Element

_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
_VALUES = ("fixed", "pattern")


@dataclass(frozen=True, slots=True)
class Row:
    """One element: `types` are names, each with the canonical URL of a profile or None.

    `depth` tells how many of the elements it lies in are rows, and `name` is the path below the
    nearest of them. `card` is ``0..1``, of what the base says where the definition is silent.
    `value` is what is fixed or a pattern, as JSON-like data, None if nothing is.
    """

    id: str
    depth: int
    name: str
    slice: str | None
    short: str
    card: str
    types: tuple[tuple[str, str | None], ...]
    value: Any
    must_support: bool
    elements: tuple[str, ...]
    binding: "Binding | None"


@dataclass(frozen=True, slots=True)
class Binding:
    """Where codes come from: `path` is that of the element, `url` that of the value set."""

    path: str
    url: str
    strength: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant, on the element `path`."""

    key: str
    path: str
    severity: str
    human: str
    expression: str


@dataclass(frozen=True, slots=True)
class Slicing:
    """How an element is sliced: by what, under which rules, into which slices."""

    path: str
    discriminators: tuple[str, ...]
    rules: str
    slices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """All that a page tells of a definition."""

    rows: tuple[Row, ...]
    rules: tuple[Rule, ...]
    slicings: tuple[Slicing, ...]

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """The bindings of all elements, in their order."""
        return tuple(row.binding for row in self.rows if row.binding is not None)


def outline(definition: Resource, definitions: Definitions, language: Language) -> Outline:
    """Return what `definition`, a StructureDefinition with a differential, says."""
    elements = definition["differential"]["element"]
    ids = {element["id"] for element in elements}
    rows = tuple(_row(element, ids, definitions, language) for element in elements)
    return Outline(
        rows,
        tuple(rule for element in elements for rule in _rules(element, language)),
        tuple(_slicing(element, rows) for element in elements if "slicing" in element),
    )


def titled(resource: Mapping[str, Any], language: Language) -> str:
    """Return the title of a definition in `language`."""
    return said(resource, "title", language)


def described(resource: Mapping[str, Any], language: Language) -> str:
    """Return its description in `language`: the first paragraph is Chinese, the last English."""
    paragraphs: list[str] = str(resource.get("description", "")).split("\n\n")
    return paragraphs[0 if language == "zh" else -1]


def said(element: Mapping[str, Any], name: str, language: Language) -> str:
    """Return the text `name` of `element`, in `language` if there is a translation into it."""
    text: str = element.get(name, "")
    for extension in element.get(f"_{name}", {}).get("extension", ()):
        if extension.get("url") != _TRANSLATION:
            continue
        parts = {part["url"]: part for part in extension.get("extension", ())}
        if parts["lang"]["valueCode"] == TAGS[language]:
            return str(parts["content"]["valueString"])
    return text


def _row(
    element: Mapping[str, Any], ids: Collection[str], definitions: Definitions, language: Language
) -> Row:
    base = _base(definitions, element["path"])
    above = [one for one in _above(element["id"]) if one in ids]
    binding = element.get("binding")
    return Row(
        id=element["id"],
        depth=len(above),
        name=element["id"].removeprefix(f"{above[-1]}." if above else ""),
        slice=element.get("sliceName"),
        short=said(element, "short", language),
        card=_cardinality(element, base),
        types=tuple(_types(element, base)),
        value=next((element[key] for key in element if key.startswith(_VALUES)), None),
        must_support=element.get("mustSupport", False),
        elements=tuple(dict.fromkeys(one["map"] for one in element.get("mapping", ()))),
        binding=binding and Binding(element["id"], binding["valueSet"], binding["strength"]),
    )


def _above(id: str) -> Iterator[str]:
    """Yield the ids of the elements that `id` lies in, from the root."""
    parts = id.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts)))


def _cardinality(element: Mapping[str, Any], base: Element | None) -> str:
    least = element.get("min", 0 if base is None else base.min)
    if "max" in element:
        most = element["max"]
    else:
        most = "*" if base is None or base.max is None else str(base.max)
    return f"{least}..{most}"


def _types(element: Mapping[str, Any], base: Element | None) -> Iterator[tuple[str, str | None]]:
    if "type" not in element:
        yield from ((name, None) for name in (base.types if base else ())[:1])
        return
    for type in element["type"]:
        profiles = [*type.get("profile", ()), *type.get("targetProfile", ())]
        yield from ((type["code"], profile) for profile in profiles or (None,))


def _rules(element: Mapping[str, Any], language: Language) -> Iterator[Rule]:
    for one in element.get("constraint", ()):
        human = said(one, "human", language)
        yield Rule(one["key"], element["id"], one["severity"], human, one["expression"])


def _slicing(element: Mapping[str, Any], rows: tuple[Row, ...]) -> Slicing:
    slicing, start = element["slicing"], f"{element['id']}:"
    return Slicing(
        element["id"],
        tuple(f"{one['type']}: {one['path']}" for one in slicing.get("discriminator", ())),
        slicing["rules"],
        tuple(row.slice for row in rows if row.slice and row.id == f"{start}{row.slice}"),
    )


def _base(definitions: Definitions, path: str) -> Element | None:
    """Return R4's element at `path`, None if it is not one of its."""
    at, *names = path.split(".")
    found: Element | None = None
    for name in names:
        holder = "Element" if at in definitions.primitives else at
        found = definitions.elements.get(holder, {}).get(name)
        if found is None:
            return None
        below = f"{holder}.{name}"
        at = below if below in definitions.elements else found.types[0].removeprefix("#")
    return found
