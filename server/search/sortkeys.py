"""Sort keys: of each parameter the least and the greatest value that a resource has.

They are stored as ``o: {code: least}`` and, of a parameter that one resource can have several
values of, ``z: {code: greatest}``: ascending order goes by the first, descending by the second.
Of a main date, the id and lastUpdated, which have fields of their own, nothing is stored twice.

Strings are folded, tokens are the code, references ``Type/id`` or a URL, dates their start,
quantities the number in the canonical unit. What is longer than 100 characters is cut. A concept
without a code, and a reference without a URL, have no key. A parameter that narrows the main
patient's goes by `pt`, so that a patient of another server counts as none.

Spec: https://hl7.org/fhir/R4/search.html#sort
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from server.search import reference
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.plan import OWN_FIELDS, Plan, Reader
from server.search.steps import Json
from server.search.values import split, unescaped

LENGTH = 100
_MOST = sys.float_info.max
_SEPARATOR = "\x1f"
_SEVERAL_IN_ONE = frozenset({"CodeableConcept", "HumanName", "Address"})
_Keys = tuple[list[Any], list[Any]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the keys of a kind are read from the entries that one value has `added`.

    `keys` takes what an entry starts with, and the entries; it returns those that the least
    and those that the greatest is among.
    """

    added: Callable[[Entries], list[Any]]
    keys: Callable[[str, list[Any]], _Keys]


def least(plan: Plan, code: str) -> tuple[str, ...]:
    """Return the fields of the document, the least of which `code` ascends by; none if it cannot.

    There are several if the parameter is made of others.
    """
    return _fields(plan, code, "o")


def greatest(plan: Plan, code: str) -> tuple[str, ...]:
    """Return the fields of the document, the greatest of which `code` descends by."""
    return _fields(plan, code, "z")


def kept(plan: Plan, reader: Reader, environment: Environment) -> Extract | None:
    """Return what indexes a value of `reader` and keeps its sort keys, None if it does neither."""
    parameter = plan.parameters[reader.code]
    kind = _KINDS.get(parameter.type)
    if kind is None or parameter.main == "ds":
        return reader.extract
    extract = reader.extract
    if extract is not None:
        return _keeping(parameter, kind, extract, several=_has_several(plan, reader.code))
    if _is_own_patient(parameter):
        return None
    # Of a parameter that narrows another, only the keys are of its own.
    alone = replace(parameter, main=None, sources=())
    extract = reference.extract(alone, "Reference", environment)
    if extract is None:
        return None
    keep = _keeping(alone, kind, extract, several=_has_several(plan, reader.code))

    def add(value: Json, entries: Entries) -> None:
        keep(value, Entries(scalars=entries.scalars))

    return add


def _fields(plan: Plan, code: str, greatest: str) -> tuple[str, ...]:
    if code in OWN_FIELDS:
        return (OWN_FIELDS[code],)
    parameter = plan.parameters.get(code)
    if parameter is None or parameter.type not in _KINDS:
        return ()
    if parameter.main == "ds":
        return ("ds",)
    if _is_own_patient(parameter):
        return ("pt",)
    if parameter.sources and all(source.narrowed is None for source in parameter.sources):
        found = (_fields(plan, source.code, greatest) for source in parameter.sources)
        return tuple(dict.fromkeys(field for fields in found for field in fields))
    return (f"{greatest if _has_several(plan, code) else 'o'}.{code}",)


def _is_own_patient(parameter: Parameter) -> bool:
    """Tell whether `parameter` is the main patient's, narrowed to Patients."""
    match parameter.sources:
        case (Parameter(main="pt", narrowed="Patient"),):
            return True
    return False


def _has_several(plan: Plan, code: str) -> bool:
    """Tell whether one resource can have several values of the parameter `code`."""
    ways = plan.branches[code]
    elements = {way.path.partition(":")[0] for way in ways}
    return len(elements) > 1 or any(way.many or way.type in _SEVERAL_IN_ONE for way in ways)


def _keeping(parameter: Parameter, kind: _Kind, extract: Extract, *, several: bool) -> Extract:
    code, start, keys = parameter.code, f"{parameter.name}=", kind.keys
    added_to = attrgetter("c") if parameter.main == "c" else kind.added
    is_patient = parameter.main == "pt"

    def add(value: Json, entries: Entries) -> None:
        added = added_to(entries)
        before = len(added)
        extract(value, entries)
        new = added[before:]
        scalars = entries.scalars
        if is_patient and "pt" in scalars:
            new = [start + scalars["pt"]]
        low, high = keys(start, new) if new else ([], [])
        if low:
            _keep(scalars, "o", code, min, low)
            if several:
                _keep(scalars, "z", code, max, high)

    return add


def _keep(
    scalars: dict[str, Any], field: str, code: str, choose: Callable[..., Any], keys: list[Any]
) -> None:
    kept = scalars.get(field)
    if kept is None:
        kept = scalars[field] = {}
    one = keys[0] if len(keys) == 1 else choose(keys)
    kept[code] = choose(kept[code], one) if code in kept else one


def _strings(start: str, added: list[str]) -> _Keys:
    length = len(start)
    keys = [entry[length:].partition(_SEPARATOR)[0][:LENGTH] for entry in added]
    return keys, keys


def _tokens(start: str, added: list[str]) -> _Keys:
    keys = [_code(entry) for entry in added if "|" in entry and entry.startswith(start)]
    keys = [key for key in keys if key is not None]
    return keys, keys


def _code(entry: str) -> str | None:
    """Return the code in ``name=system|code``, None of what has a bar in a code without system."""
    if "\\" not in entry:
        return entry.rpartition("|")[2][:LENGTH]
    _system, *code = split(entry, "|")
    return unescaped(code[0])[:LENGTH] if code else None


def _references(start: str, added: list[str]) -> _Keys:
    length = len(start)
    # The URL without its version comes right after the one with it.
    keys = [
        entry[length:].partition("/_history/")[0][:LENGTH]
        for fuller, entry in zip(("", *added), added, strict=False)
        if entry.startswith(start) and not fuller.startswith(f"{entry}|")
    ]
    return keys, keys


def _dates(_start: str, added: list[dict[str, Any]]) -> _Keys:
    keys = [entry["s"] for entry in added]
    return keys, keys


def _numbers(_start: str, added: list[dict[str, Any]]) -> _Keys:
    ends = [(_finite(entry["lo"]), _finite(entry["hi"])) for entry in added]
    # What has one end only is put where that is.
    return (
        [high if low == -_MOST else low for low, high in ends],
        [low if high == _MOST else high for low, high in ends],
    )


def _quantities(start: str, added: list[dict[str, Any]]) -> _Keys:
    # One value has an entry for each way to name its unit, the canonical one being the last.
    return _numbers(start, added[-1:])


def _finite(number: float) -> float:
    # A cursor is JSON, which has no infinity.
    return max(-_MOST, min(number, _MOST))


_KINDS = {
    "string": _Kind(attrgetter("s"), _strings),
    "token": _Kind(attrgetter("t"), _tokens),
    "reference": _Kind(attrgetter("t"), _references),
    "uri": _Kind(attrgetter("t"), _references),
    "date": _Kind(attrgetter("d"), _dates),
    "number": _Kind(attrgetter("n"), _numbers),
    "quantity": _Kind(attrgetter("q"), _quantities),
}
