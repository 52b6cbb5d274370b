"""Random queries on a world: values are taken from its own resources, or just miss them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.oracle import parts, values
from tests.oracle.facts import facts
from tests.oracle.generator import TYPES
from tests.oracle.paths import Node, evaluate
from tests.oracle.texts import escaped
from tests.oracle.world import Json, World, targets_of

Draw = Callable[[st.SearchStrategy[Any]], Any]
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
MODIFIERS = {
    "token": ("", "", "", "", "not", "text", "of-type", "missing", "in", "not-in"),
    "string": ("", "", "exact", "contains", "missing"),
    "reference": ("", "", "", "type", "identifier", "missing"),
    "uri": ("", "", "below", "above", "missing"),
    "date": ("", "", "", "missing"),
    "number": ("", "", "", "missing"),
    "quantity": ("", "", "", "missing"),
    "composite": ("",),
}
DULL = frozenset({"_text", "_content", "_filter", "_query", "phonetic", "near"})
"""What this module makes no values for: searches through all text, sounds, positions."""


@st.composite
def queries(draw: Draw, world: World) -> tuple[str, list[tuple[str, str]]]:
    """Draw a type and one to three parameters."""
    type = draw(st.sampled_from(TYPES))
    aim, found = world.of(type), []
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        name, value = draw(parameters(world, aim, 2))
        found.append((name, value))
        # The next one is about what this one leaves, or else little would be found by both.
        aim = [one for one in aim if world.holds(one, name, value)] or aim
    return type, found


@st.composite
def parameters(draw: Draw, world: World, aim: list[Json], depth: int) -> tuple[str, str]:
    """Draw the name and the value of one parameter, perhaps through chains.

    Its value is one that some of `aim`, resources of one type, have, or nearly.
    """
    form = draw(st.sampled_from(("plain",) * 5 + ("chain", "has"))) if depth else "plain"
    if form == "chain" and references_of(world, aim):
        return draw(_chained(world, aim, depth))
    if form == "has" and _referring(world, aim):
        return draw(_reverse(world, aim, depth))
    return draw(plain(world, aim, draw(codes(world, aim))))


@st.composite
def codes(draw: Draw, world: World, aim: list[Json]) -> str:
    """Draw a parameter that mostly has a value in `aim`, of each kind as often."""
    known = facts().parameters[aim[0]["resourceType"]]
    able = [code for code in sorted(known) if code not in DULL and "expression" in known[code]]
    used = [code for code in able if any(world.nodes(one, code) for one in aim)]
    some = draw(st.sampled_from((used, used, used, able)))
    kind = draw(st.sampled_from(sorted({known[code]["type"] for code in some})))
    return draw(st.sampled_from([code for code in some if known[code]["type"] == kind]))


def references_of(world: World, aim: list[Json]) -> list[str]:
    """Return the parameters by which `aim` point at a resource."""
    return [
        code
        for code in (world.pointing(aim[0]["resourceType"]) if aim else ())
        if any(world.pointed_at(one, code) for one in aim)
    ]


def _referring(world: World, aim: list[Json]) -> list[tuple[str, str]]:
    """Return the types and parameters that point at some of `aim`."""
    ids = {one["id"] for one in aim}
    return [
        (source, code)
        for source in TYPES
        for code in world.pointing(source)
        if any(_points(world, one, code, aim[0]["resourceType"], ids) for one in world.of(source))
    ]


def _points(world: World, resource: Json, code: str, type: str, ids: set[str]) -> bool:
    ends = world.pointed_at(resource, code)
    return any(end["resourceType"] == type and end["id"] in ids for end in ends)


@st.composite
def _chained(draw: Draw, world: World, aim: list[Json], depth: int) -> tuple[str, str]:
    code = draw(st.sampled_from(references_of(world, aim)))
    ends = [end for one in aim for end in world.pointed_at(one, code)]
    type = draw(st.sampled_from(sorted({end["resourceType"] for end in ends})))
    ends = [end for end in ends if end["resourceType"] == type]
    rest, value = draw(parameters(world, ends, depth - 1))
    named = draw(st.booleans()) or rest.startswith("_has:")
    return f"{code}:{type}.{rest}" if named else f"{code}.{rest}", value


@st.composite
def _reverse(draw: Draw, world: World, aim: list[Json], depth: int) -> tuple[str, str]:
    source, code = draw(st.sampled_from(_referring(world, aim)))
    type, ids = aim[0]["resourceType"], {one["id"] for one in aim}
    sources = [one for one in world.of(source) if _points(world, one, code, type, ids)]
    rest, value = draw(parameters(world, sources, depth - 1))
    return f"_has:{source}:{code}:{rest}", value


@st.composite
def plain(draw: Draw, world: World, aim: list[Json], code: str) -> tuple[str, str]:
    """Draw a value of the parameter `code`, with a modifier that its type takes."""
    type = aim[0]["resourceType"]
    fact = facts().parameters[type][code]
    if code == "_lastUpdated":
        return code, draw(_moments(world, type))
    if code == "_id":
        ids = [*(one["id"] for one in world.of(type)), "nobody"]
        return code, ",".join(draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3)))
    nodes = [n for one in aim for n in values.simple(world.nodes(one, code))]
    fitting = [m for m in MODIFIERS[fact["type"]] if _fits(m, nodes)]
    modifier = draw(st.sampled_from(fitting))
    if modifier == "missing":
        return f"{code}:missing", draw(st.sampled_from(("true", "false")))
    if modifier == "type":
        modifier = draw(st.sampled_from(targets_of(type, code)))
    found = draw(st.lists(_value(world, fact, modifier, nodes), min_size=1, max_size=2))
    return f"{code}:{modifier}" if modifier else code, ",".join(found)


def _fits(modifier: str, nodes: list[Node]) -> bool:
    """Tell whether any of `nodes` could be found with `modifier`."""
    if modifier == "of-type":
        return any(n.type == "Identifier" and "type" in n.value for n in nodes)
    if modifier == "identifier":
        return any(n.type == "Reference" and "identifier" in n.value for n in nodes)
    if modifier in ("text", "in", "not-in"):
        return any(n.type in ("CodeableConcept", "Coding", "Identifier") for n in nodes)
    return True


@st.composite
def _value(draw: Draw, world: World, fact: dict[str, Any], modifier: str, nodes: list[Node]) -> str:
    if fact["type"] == "composite":
        return draw(_composite(world, fact, nodes))
    made = VALUES[fact["type"]]
    return draw(made(world, modifier, nodes))


@st.composite
def _composite(draw: Draw, world: World, fact: dict[str, Any], foci: list[Node]) -> str:
    focus = [draw(st.sampled_from(foci))] if foci and draw(st.booleans()) else foci
    found = []
    for url, how in fact["components"]:
        nodes = [n for one in focus for n in values.simple(evaluate(how, one))]
        kind = facts().by_url[url]["type"]
        found.append(draw(VALUES[kind](world, "", nodes)))
    return "$".join(found)


@st.composite
def _token(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    if modifier == "of-type":
        kind, number = (
            draw(st.sampled_from(("MR", "NI"))),
            draw(st.sampled_from(parts.NUMERALS)),
        )
        return f"{escaped(parts.V2_0203)}|{kind}|{escaped(number)}"
    if modifier in ("in", "not-in"):
        return f"ValueSet/{draw(st.sampled_from([one['id'] for one in world.of('ValueSet')]))}"
    if modifier == "text":
        return escaped(draw(st.sampled_from(parts.TEXTS))[: draw(st.integers(1, 9))])
    pairs: list[values.Code] = [pair for n in nodes for pair in values.codes(n)]
    system, code = draw(st.sampled_from([*pairs, *parts.CODES[:3], ("urn:none", "none")]))
    form = draw(st.sampled_from(("code", "both", "both", "system", "bare", "other")))
    if form == "other":
        system = draw(st.sampled_from([one for one, _ in [*pairs, *parts.CODES]]))
    code, system = escaped(code or "8310-5"), escaped(system or "")
    if form == "code" or (form == "system" and not system):
        return code
    return {"system": f"{system}|", "bare": f"|{code}"}.get(form, f"{system}|{code}")


@st.composite
def _string(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    held = [text for n in nodes for text in values.strings(n)]
    text = draw(st.sampled_from([*held, *parts.TEXTS, *parts.FAMILIES]))
    cut = draw(st.integers(1, 12))
    start = draw(st.integers(0, 2)) if modifier == "contains" else 0
    text = text if modifier == "exact" else text[start : start + cut]
    change = draw(st.sampled_from((str, str, str.upper, str.lower)))
    return escaped(change(text) if text.strip() else "x")


@st.composite
def _date(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    return draw(st.sampled_from(PREFIXES)) + draw(st.sampled_from(parts.DATES))


@st.composite
def _moments(draw: Draw, world: World, type: str) -> str:
    """Draw a time of storing; not roughly, for that is measured from a now that goes on."""
    held = [one["meta"]["lastUpdated"] for one in world.of(type)]
    cut = draw(st.sampled_from((None, 19, 10)))
    moment = draw(st.sampled_from(held))
    written = moment[:cut] + ("+08:00" if cut == 19 else "") if cut else moment
    return draw(st.sampled_from(PREFIXES[:-1])) + written


@st.composite
def _number(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    held = [str(n.value) for n in nodes if not isinstance(n.value, dict)]
    number = draw(st.sampled_from([*held, *map(str, parts.NUMBERS), "1e2", "5.0", "0.3"]))
    return draw(st.sampled_from(PREFIXES)) + number


@st.composite
def _quantity(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    held = [unit for n in nodes for unit in _amount(n)]
    number, system, code, unit = draw(
        st.sampled_from([*held, ("100", None, None, None), ("5.4", parts.UCUM, "g", "g")])
    )
    if draw(st.integers(0, 3)) == 0:
        number = str(draw(st.sampled_from(parts.NUMBERS)))
    if draw(st.integers(0, 3)) == 0 and system == parts.UCUM:
        factor, code = draw(st.sampled_from((("1000", "mg"), ("0.001", "g"), ("1", "mg"))))
        number = format(Decimal(number) * Decimal(factor), "f")
    prefix = draw(st.sampled_from(PREFIXES))
    form = draw(st.sampled_from(("number", "unit", "full", "full")))
    if form == "full" and system and code:
        return f"{prefix}{number}|{escaped(system)}|{escaped(code)}"
    if form != "number" and (code or unit):
        return f"{prefix}{number}||{escaped(draw(st.sampled_from([x for x in (code, unit) if x])))}"
    return f"{prefix}{number}"


def _amount(node: Node) -> list[tuple[str, Any, Any, Any]]:
    sides = [node.value, *(node.value.get(side, {}) for side in ("low", "high"))]
    return [
        (str(one["value"]), one.get("system"), one.get("code"), one.get("unit"))
        for one in sides
        if "value" in one
    ]


@st.composite
def _reference(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    if modifier == "identifier":
        held = [
            n.value["identifier"]
            for n in nodes
            if n.type == "Reference" and "identifier" in n.value
        ]
        asked = [Node(one, "Identifier", "Identifier", None) for one in held]
        return draw(_token(world, "", asked))
    texts = [n.value.get("reference", "") if n.type == "Reference" else str(n.value) for n in nodes]
    texts = [one for one in texts if one and not one.startswith("#")] or ["Patient/patient-1"]
    others = ("Group/group-0", "Patient/patient-1", "Organization/organization-0")
    text = draw(st.sampled_from([*texts, *texts, *others]))
    form = draw(st.sampled_from(("same", "same", "id", "absolute", "version")))
    at, _ = values.pointed_at(text, world.base)
    own = values.local(text, world.base)
    if modifier:
        return escaped(own[1] if own else "patient-1")
    if own is None or form == "same":
        return escaped(text)
    return {"id": own[1], "absolute": f"{world.base}/{at}", "version": f"{at}/_history/1"}[form]


@st.composite
def _uri(draw: Draw, world: World, modifier: str, nodes: list[Node]) -> str:
    text = draw(st.sampled_from([*(str(n.value) for n in nodes), *parts.URLS]))
    if modifier and not text.startswith("http"):
        text = parts.URLS[0]  # the modifiers are for URLs with a path, not for URNs
    form = draw(st.sampled_from(("same", "same", "cut", "longer")))
    if form == "cut" and text.count("/") > 3:
        text = text.rpartition("/")[0]
    return escaped(text + "/more" if form == "longer" else text)


VALUES = {
    "token": _token,
    "string": _string,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "reference": _reference,
    "uri": _uri,
}
