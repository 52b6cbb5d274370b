"""One change to a good resource, by what a profile says of an element; it breaks one rule at most.

A change yields (what, where, resource, is_good): `where` is FHIRPath, `is_good` what the change is
meant to come to, or None where that depends on the rest of the profile.

Spec: https://hl7.org/fhir/R4/elementdefinition.html
"""

import json
import re
from functools import cache

from server import content
from tests.pairs.ways import expression, fixed, value_at, with_another, with_value, without

MALFORMED = {
    "boolean": ("true", 1),
    "integer": ("1", 1.5),
    "positiveInt": (0, "1"),
    "unsignedInt": (-1, "1"),
    "decimal": ("1.0", True),
    "date": ("1990-13-01", "1990/01/01"),
    "dateTime": ("2026-02-30T09:00:00+08:00", "2026-05-04T09:00:00"),
    "instant": ("2026-05-04", "2026-05-04T25:00:00Z"),
    "time": ("25:00:00", 9),
    "code": (" a", 5),
    "uri": (5, ["urn:a"]),
    "url": (5, ["urn:a"]),
    "canonical": (5, True),
    "id": ("a b", 5),
    "string": (5, ""),
    "markdown": (5, ""),
}
"""Values that are none of a primitive type."""


@cache
def incomplete():
    """Return the URLs of code systems of which a part is here, so that codes may be missing."""
    read = (
        json.loads(file.read_text("utf-8")) for file in content.TERMINOLOGY.glob("CodeSystem/*")
    )
    return {one["url"] for one in read if one["content"] != "complete"}


def cardinality(snapshot, resource):
    """Leave out what has to be there, double what may be there once."""
    for id, element, way in _present(snapshot, resource):
        array = way[:-1] if isinstance(way[-1], int) else way
        if ":" in id.rpartition(".")[2] or _tells_slices(snapshot, id):
            continue
        where = expression(resource, array)
        if element["min"] >= 1:
            yield "missing", where, without(resource, array), False
        if element["max"] == "1":
            value = value_at(resource, way)
            doubled = [value, value] if array == way else [*value_at(resource, array), value]
            yield "doubled", where, with_value(resource, array, doubled), False


def types(snapshot, resource):
    """Put in what is of no type that the element has."""
    for id, element, way in _present(snapshot, resource):
        if way[-1] == "url" or _tells_slices(snapshot, id):
            continue
        where = expression(resource, way)
        for wrong in MALFORMED.get(_only_type(element), ()):
            yield "malformed", where, with_value(resource, way, wrong), False
        if isinstance(value_at(resource, way), dict):
            yield "text-for-object", where, with_value(resource, way, "a"), False
        if id.endswith("[x]") and isinstance(way[-1], str):
            yield from _of_other_types(resource, way, id, element)


def _of_other_types(resource, way, id, element):
    chosen = (*way[:-1], id.rpartition(".")[2].removesuffix("[x]"))
    for other, value in (("Range", {"low": {"value": 1}}), ("Url", "urn:a")):
        if all(one["code"].lower() != other.lower() for one in element["type"]):
            made = with_value(without(resource, way), (*chosen[:-1], chosen[-1] + other), value)
            yield f"is-{other}", expression(resource, chosen), made, False


def values(snapshot, resource):
    """Put in something else than what is fixed, and leave out a part of a pattern."""
    for id, element, way in _present(snapshot, resource):
        expected = fixed(element)
        if expected is None or way[-1] == "url":
            continue
        is_good = None if _tells_slices(snapshot, id) else False
        where = expression(resource, way)
        if isinstance(expected, str):
            yield "other", where, with_value(resource, way, f"{expected}-x"), is_good
            continue
        for inner in _leaves(expected):
            place = _place_of(value_at(resource, way), expected, inner)
            if place is not None:
                there = (*way, *place)
                yield "part-missing", where, without(resource, there), is_good
                yield "part-other", where, with_value(resource, there, "urn:x-other"), is_good


def slicing(snapshot, resource):
    """Leave out a slice, double one, and let what tells it apart be something else."""
    for id, element in snapshot.elements.items():
        slice = id.rpartition(".")[2].partition(":")[2]
        found = snapshot.occurrences(resource, id) if slice else []
        if not found or not isinstance(found[0][-1], int):
            continue
        array = found[0][:-1]
        where = expression(resource, array)
        if element["min"] >= 1 and len(found) == 1:
            is_good = None if _tells_slices(snapshot, id) else False
            yield "missing", where, without(resource, found[0]), is_good
        elif element["min"] == 0:
            yield "left-out", where, without(resource, found[0]), None
        is_bad = False if element["max"] == "1" else None
        value = value_at(resource, found[0])
        yield "doubled", where, with_another(resource, array, value), is_bad
        for told in ("system", "url"):
            if isinstance(value, dict) and told in value:
                made = with_value(resource, (*found[0], told), "https://other.example/x")
                yield f"other-{told}", where, made, None


def bindings(snapshot, resource):
    """Put in a code that is not in the value set, the right one of another system, a wrong name."""
    for _, element, way in _present(snapshot, resource):
        strength = element.get("binding", {}).get("strength")
        if strength not in ("required", "extensible", "preferred"):
            continue
        for coding in _codings(resource, way):
            where = expression(resource, coding)
            told = value_at(resource, coding)
            if isinstance(told, str):
                for wrong in ("no-such", f"{told}x"):
                    made = with_value(resource, coding, wrong)
                    yield f"{strength}-code", where, made, _bad(strength)
                continue
            is_one_of_many = coding != way and len(value_at(resource, (*way, "coding"))) > 1
            is_certain = not is_one_of_many and told.get("system") not in incomplete()
            for wrong in ("no-such", f"{told['code']}x"):
                made = with_value(resource, (*coding, "code"), wrong)
                yield f"{strength}-code", where, made, _bad(strength) if is_certain else None
            made = with_value(resource, (*coding, "system"), "https://other.example/x")
            yield f"{strength}-system", where, made, None
            if "display" in told:
                made = with_value(resource, (*coding, "display"), "another name")
                yield f"{strength}-display", where, made, None


def references(snapshot, resource):
    """Let references lead nowhere, or be of no form that a reference has."""
    for _, element, way in _present(snapshot, resource):
        if _only_type(element) != "Reference" or "reference" not in value_at(resource, way):
            continue
        where = expression(resource, way)
        at = (*way, "reference")
        yield "not-contained", where, with_value(resource, at, "#nowhere"), False
        yield "no-such-type", where, with_value(resource, at, "Nothing/1"), False
        yield "no-id", where, with_value(resource, at, "Patient/a b"), False
        yield "display-only", where, with_value(resource, way, {"display": "a"}), True
        yield (
            "of-a-version",
            where,
            with_value(resource, at, f"{value_at(resource, at)}/_history/1"),
            True,
        )


def _present(snapshot, resource):
    """Yield each element that is there: its id, its definition and the way to the first of it."""
    for id, element in snapshot.elements.items():
        ways = snapshot.occurrences(resource, id) if "." in id else []
        if ways:
            yield id, element, ways[0]


def _only_type(element):
    codes = [one["code"] for one in element.get("type", ())]
    if len(codes) != 1:
        return None
    # The system type of an id or a url stands for FHIR's own.
    return re.sub(r"^http://hl7.org/fhirpath/System\.(.)", lambda m: m[1].lower(), codes[0])


def _tells_slices(snapshot, id):
    """Tell whether a slice that `id` is in may be told apart by it, or by what is in it."""
    inside = [
        other
        for other in snapshot.elements
        if other == id or other.startswith((f"{id}.", f"{id}:"))
    ]
    return ":" in id.rpartition(".")[0] and any(
        fixed(snapshot.elements[other]) is not None for other in inside
    )


def _bad(strength):
    return False if strength == "required" else None


def _codings(resource, way):
    value = value_at(resource, way)
    if isinstance(value, str) or (
        isinstance(value, dict) and "code" in value and "value" not in value
    ):
        yield way
    elif isinstance(value, dict):
        for place, one in enumerate(value.get("coding", ())):
            if "code" in one:
                yield (*way, "coding", place)


def _leaves(pattern, way=()):
    rows = pattern.items() if isinstance(pattern, dict) else enumerate(pattern)
    for step, value in rows:
        if isinstance(value, dict | list):
            yield from _leaves(value, (*way, step))
        else:
            yield (*way, step)


def _place_of(value, pattern, leaf):
    """Return the way in `value` to what `pattern` has at `leaf`, in whichever place of an array."""
    wanted, made = value_at(pattern, leaf), ()
    for step in leaf:
        if isinstance(step, str):
            made = (*made, step)
            continue
        array = value_at(value, made)
        rest = leaf[len(made) + 1 :]
        places = [n for n, one in enumerate(array) if value_at(one, rest) == wanted]
        if not places:
            return None
        made = (*made, places[0])
    return made if value_at(value, made) == wanted else None
