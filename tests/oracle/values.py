"""Whether one element has the value that is searched, for each type of parameter and modifier.

Spec: https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.oracle import amounts, times
from tests.oracle.facts import facts
from tests.oracle.paths import Node, children
from tests.oracle.texts import divided, folded, has_han, plain

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)", re.DOTALL)
_LOCAL = re.compile(
    r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?$"
)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}$")
_BARE = ("boolean", "code", "id", "string", "uri", "url", "oid", "uuid", "canonical", "markdown")
_SPECIAL = "http://terminology.hl7.org/CodeSystem/special-values"
Json = dict[str, Any]
Code = tuple[str | None, str | None]


class Invalid(Exception):
    """The value of a query is none of its type."""


def simple(nodes: list[Node]) -> Iterator[Node]:
    """Yield the nodes that have a value, extensions by their own."""
    for node in nodes:
        if node.type == "Extension":
            yield from simple(list(children(node, "value")))
        elif node.value is not None:
            yield node


@dataclass(frozen=True, slots=True)
class Asking:
    """What the meaning of a value depends on: our `base`, the time, the types that may be meant."""

    base: str
    now: int
    targets: Sequence[str] = ()


def matches(kind: str, node: Node, text: str, asking: Asking) -> bool:
    """Tell whether `node` has the value `text`, still escaped, of a parameter of type `kind`."""
    return {
        "token": lambda: token(node, text),
        "string": lambda: any(folded(s).startswith(folded(plain(text))) for s in strings(node)),
        "date": lambda: date(node, text, asking.now),
        "number": lambda: number(node, text),
        "quantity": lambda: quantity(node, text),
        "uri": lambda: uri(node, plain(text)),
        "reference": lambda: reference(node, plain(text), asking),
    }[kind]()


# --- tokens


def codes(node: Node) -> Iterator[Code]:
    """Yield the (system, code) pairs of a value, where there is no system None."""
    value = node.value
    if node.type == "Coding":
        yield value.get("system"), value.get("code")
    elif node.type == "CodeableConcept":
        for coding in value.get("coding", ()):
            yield coding.get("system"), coding.get("code")
    elif node.type == "Identifier":
        yield value.get("system"), value.get("value")
    elif node.type == "ContactPoint":
        yield None, value.get("value")
    elif node.type in _BARE:
        yield None, _written(value)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _implied(node: Node, code: str | None) -> list[str]:
    """Return the systems that a bare code has by its binding."""
    if node.type == "boolean":
        return [_SPECIAL]
    if node.type != "code" or node.binding is None:
        return []
    systems = facts().value_sets.get(node.binding, {})
    return [system for system, listed in systems.items() if code in listed]


def token(node: Node, text: str) -> bool:
    """``code``, ``|code``, ``system|``, ``system|code``."""
    parts = [plain(part) for part in divided(text, "|")]
    if len(parts) > 2 or not any(parts):
        raise Invalid(text)
    for system, code in codes(node):
        if len(parts) == 1:
            found = code == parts[0]
        elif not parts[0]:
            found = not system and code == parts[1]
        else:
            ours = [system, *_implied(node, code)]
            found = parts[0] in ours and parts[1] in ("", code)
        if found:
            return True
    return False


def token_text(node: Node, text: str) -> bool:
    """``:text`` is a string search over the texts that go with the code."""
    value = node.value
    found: list[str | None] = []
    if node.type == "Coding":
        found = [value.get("display")]
    elif node.type == "CodeableConcept":
        found = [value.get("text"), *(one.get("display") for one in value.get("coding", ()))]
    elif node.type == "Identifier":
        found = [(value.get("type") or {}).get("text")]
    return any(one and folded(one).startswith(folded(plain(text))) for one in found)


def in_value_set(node: Node, members: set[tuple[str, str]]) -> bool:
    """``:in``: any of the codes is one of the value set."""
    return any(
        (one, code) in members
        for system, code in codes(node)
        for one in (system, *_implied(node, code))
    )


def of_type(node: Node, text: str) -> bool:
    """``:of-type``: the type of the identifier, and its value."""
    parts = [plain(part) for part in divided(text, "|")]
    if len(parts) != 3 or not all(parts):
        raise Invalid(text)
    if node.type != "Identifier" or node.value.get("value") != parts[2]:
        return False
    kinds = (node.value.get("type") or {}).get("coding", ())
    return any([one.get("system"), one.get("code")] == parts[:2] for one in kinds)


# --- strings


def strings(node: Node) -> list[str]:
    """Return the strings of a value, of names and addresses every part."""
    if node.type == "HumanName":
        parts = _parts(node.value, ("text", "family", "given", "prefix", "suffix"))
        # Family and given name of a Han name are written as one word.
        whole = node.value.get("family", "") + "".join(_parts(node.value, ("given",)))
        return [*parts, whole] if has_han(whole) else parts
    if node.type == "Address":
        names = ("text", "line", "city", "district", "state", "postalCode", "country")
        return _parts(node.value, names)
    return [node.value] if isinstance(node.value, str) else []


def _parts(value: Json, names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in names:
        held = value.get(name, [])
        found += [held] if isinstance(held, str) else [one for one in held if one]
    return found


def string_exact(node: Node, text: str) -> bool:
    """``:exact``: the whole string, as it is written."""
    return plain(text) in strings(node)


def string_contains(node: Node, text: str) -> bool:
    """``:contains``: anywhere in the string."""
    return any(folded(plain(text)) in folded(one) for one in strings(node))


# --- what is ordered


def date(node: Node, text: str, now: int) -> bool:
    """A prefix and a date."""
    prefix, written = _PREFIXED.fullmatch(plain(text)).groups()
    try:
        wanted = times.stretch(written)
    except ValueError:
        raise Invalid(text) from None
    target = times.of_value(node.type, node.value)
    return target is not None and times.fulfils(target, prefix or "eq", wanted, now)


def number(node: Node, text: str) -> bool:
    """A prefix and a number."""
    prefix, written = _PREFIXED.fullmatch(plain(text)).groups()
    try:
        wanted = amounts.searched(written)
    except ValueError:
        raise Invalid(text) from None
    target = amounts.of_number(node.type, node.value)
    return target is not None and amounts.fulfils(target, prefix or "eq", wanted)


def quantity(node: Node, text: str) -> bool:
    """A prefix, a number and perhaps a unit."""
    prefix, written = _PREFIXED.fullmatch(text).groups()
    try:
        return amounts.quantity_fulfils(node.type, node.value, prefix or "eq", written)
    except ValueError:
        raise Invalid(text) from None


# --- what points elsewhere


def uri(node: Node, text: str) -> bool:
    """The whole URI; of a canonical the version may be left out."""
    value = node.value
    if not isinstance(value, str):
        return False
    return text == value or (node.type == "canonical" and text == value.split("|")[0])


def _urls(node: Node) -> tuple[str, ...]:
    """Return a URI, a canonical one without its version too."""
    bare = str(node.value).split("|", maxsplit=1)[0]
    return (node.value, bare) if node.type == "canonical" else (node.value,)


def uri_below(node: Node, text: str) -> bool:
    """``:below``: what starts with the URL that is searched, at whole steps of its path."""
    start = text if text.endswith("/") else f"{text}/"
    return any(url == text or url.startswith(start) for url in _urls(node))


def uri_above(node: Node, text: str) -> bool:
    """``:above``: what the URL that is searched starts with, at whole steps of its path."""
    return any(
        text == url or (urlsplit(url).netloc and text.startswith(url.rstrip("/") + "/"))
        for url in _urls(node)
    )


def pointed_at(text: str, base: str) -> tuple[str, str | None]:
    """Return where a reference points, without our own base, and its version."""
    relative = text.removeprefix(f"{base}/")
    match = re.search(r"(?:^|/)" + _LOCAL.pattern, relative)
    if match and match.group(3):
        return relative[: -len("/_history/" + match.group(3))], match.group(3)
    return relative, None


def local(text: str, base: str) -> tuple[str, str] | None:
    """Return the (type, id) on this server that a reference points at."""
    match = _LOCAL.match(pointed_at(text, base)[0])
    return (match.group(1), match.group(2)) if match else None


def reference(node: Node, text: str, asking: Asking) -> bool:
    """An id, ``Type/id`` or a URL; without a version any version will do."""
    if not text or text.startswith("#"):
        raise Invalid(text)
    if node.type in ("canonical", "uri"):
        return not node.value.startswith("#") and (text in (node.value, node.value.split("|")[0]))
    if node.type != "Reference":
        return bool(node.value.get("id")) and text in (
            node.value["id"],
            f"{node.value['resourceType']}/{node.value['id']}",
        )
    held = node.value.get("reference") or "#"
    if held.startswith("#"):
        return False
    at, version = pointed_at(held, asking.base)
    wanted, wanted_version = pointed_at(text, asking.base)
    if wanted_version is not None and wanted_version != version:
        return False
    if _ID.match(wanted) and "/" not in wanted and at != wanted:
        pair = local(held, asking.base)
        return pair is not None and pair[1] == wanted and pair[0] in asking.targets
    return at == wanted


def reference_identifier(node: Node, text: str) -> bool:
    """``:identifier``: the logical identity of what is pointed at, as a token."""
    held = node.value.get("identifier") if node.type == "Reference" else None
    return held is not None and token(Node(held, "Identifier", "Identifier", None), text)
