"""Any formula of _filter finds what it holds of."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FAMILIES = ("An", "Bao", "Baoan")
GENDERS = ("male", "female", None)
leaves = st.one_of(
    st.tuples(
        st.just("family"),
        st.sampled_from(["eq", "ne", "co", "sw", "ew", "lt", "ge"]),
        st.sampled_from(["an", "bao", "ao", "c"]),
    ),
    st.tuples(st.just("gender"), st.sampled_from(["eq", "ne"]), st.sampled_from(GENDERS[:2])),
    st.tuples(st.sampled_from(["gender", "family"]), st.just("pr"), st.sampled_from(["true"])),
)
formulas = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=6,
)
RELATIONS = {
    "eq": lambda held, value: held == value,
    "ne": lambda held, value: held != value,
    "co": lambda held, value: value in held,
    "sw": lambda held, value: held.startswith(value),
    "ew": lambda held, value: held.endswith(value),
    "lt": lambda held, value: held < value,
    "ge": lambda held, value: held >= value,
    "pr": lambda held, _: held is not None,
}


def written(formula):
    match formula:
        case "not", inner:
            return f"not ({written(inner)})"
        case ("and" | "or") as word, left, right:
            return f"({written(left)}) {word} ({written(right)})"
    return " ".join(formula)


def holds(formula, person):
    match formula:
        case "not", inner:
            return not holds(inner, person)
        case "and", left, right:
            return holds(left, person) and holds(right, person)
        case "or", left, right:
            return holds(left, person) or holds(right, person)
        case code, operator, value:
            held = person[code]
            return held is not None and RELATIONS[operator](held.lower(), value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(formula=formulas)
def test_any_formula_finds_whom_it_holds_of(filtered, everyone, formula):
    collection, described = everyone
    expected = [n for n, person in enumerate(described) if holds(formula, person)]
    assert filtered.matching(collection, written(formula)) == expected


@pytest.fixture
def everyone(store):
    """Stores a person of each name, or none, and gender; returns them as they are described."""
    described = [{"family": f, "gender": g} for f in (*FAMILIES, None) for g in GENDERS]
    resources = [
        {
            "resourceType": "Patient",
            "id": str(n),
            **({"name": [{"family": one["family"]}]} if one["family"] else {}),
            **({"gender": one["gender"]} if one["gender"] else {}),
        }
        for n, one in enumerate(described)
    ]
    return store(*resources), described
