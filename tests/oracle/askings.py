"""Random compartments, orders, includes and filters to ask of a world.

Spec: https://hl7.org/fhir/R4/search.html
"""

from hypothesis import strategies as st

from tests.oracle import values
from tests.oracle.facts import facts
from tests.oracle.filters import OPERATORS, Comparison, Filter, Joined, Not
from tests.oracle.generator import TYPES
from tests.oracle.queries import PREFIXES, VALUES, Draw, codes, parameters
from tests.oracle.results import sortable
from tests.oracle.world import Json, Key, World


@st.composite
def compartments(draw: Draw, world: World) -> tuple[Key, str, list[tuple[str, str]]]:
    """Draw a compartment, a type in it and perhaps a parameter."""
    owners = [key for key in world.resources if key[0] in facts().compartments]
    owner = draw(st.sampled_from(owners))
    members = facts().compartments[owner[0]]
    type = draw(st.sampled_from([type for type in TYPES if members.get(type)]))
    return owner, type, draw(st.lists(parameters(world, world.of(type), 0), max_size=1))


@st.composite
def orders(draw: Draw, world: World) -> tuple[str, list[str]]:
    """Draw a type and what to sort it by."""
    type = draw(st.sampled_from(TYPES))
    able = sortable(type)
    used = [code for code in able if code in world.used(type)]
    some = draw(st.lists(st.sampled_from(3 * used + able), min_size=1, max_size=3, unique=True))
    return type, [draw(st.sampled_from(("", "-"))) + code for code in some]


@st.composite
def includes(draw: Draw, world: World) -> tuple[str, list[tuple[str, str]]]:
    """Draw a type and what to include."""
    type = draw(st.sampled_from(TYPES))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        back, iterates = draw(st.booleans()), draw(st.booleans())
        source = draw(st.sampled_from(TYPES)) if back or (found and iterates) else type
        codes = [
            code
            for code in world.pointing(source)
            if not back or iterates or type in world.reached(source, code)
        ]
        if codes:
            code = draw(st.sampled_from(codes if back else [*codes, "*"]))
            value = f"{source}:{code}"
            name = "_revinclude" if back else "_include"
            found.append((f"{name}:iterate" if iterates else name, value))
    return type, found


@st.composite
def filters(draw: Draw, world: World, type: str, depth: int = 2) -> Filter:
    """Draw a filter of resources of `type`."""
    form = draw(st.sampled_from(("leaf", "leaf", "and", "or", "not"))) if depth else "leaf"
    if form == "not":
        return Not(draw(filters(world, type, depth - 1)))
    if form != "leaf":
        sides = [draw(filters(world, type, depth - 1)) for _ in range(2)]
        return Joined(sides[0], form, sides[1])
    return draw(_comparisons(world, type, depth))


def _is_compared(fact: Json) -> bool:
    return fact["type"] in OPERATORS and fact["code"] != "_lastUpdated"


@st.composite
def _comparisons(draw: Draw, world: World, type: str, depth: int) -> Comparison:
    path: list[str] = []
    while depth and draw(st.integers(0, 4)) == 0 and (ways := world.pointing(type)):
        path.append(draw(st.sampled_from(ways)))
        type = draw(st.sampled_from(sorted(world.reached(type, path[-1]))))
    known = facts().parameters[type]
    code = draw(codes(world, world.of(type)).filter(lambda code: _is_compared(known[code])))
    kind = known[code]["type"]
    operator = draw(st.sampled_from(OPERATORS[kind]))
    value = draw(st.sampled_from(("true", "false")))
    if code == "_id":
        value = draw(st.sampled_from([one["id"] for one in world.of(type)]))
        operator = "eq"
    elif operator != "pr":
        nodes = [n for one in world.of(type) for n in values.simple(world.nodes(one, code))]
        value = draw(VALUES[kind](world, "", nodes))
        if kind in ("date", "number", "quantity"):
            value = value[2:] if value[:2] in PREFIXES else value
    return Comparison(".".join([*path, code]), operator, value)
