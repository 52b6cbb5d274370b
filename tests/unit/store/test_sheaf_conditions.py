"""A sheaf is looked into if one of its records may be among those asked for: never one too few."""

from hypothesis import given
from hypothesis import strategies as st

from server.store.sheaf_keys import possible
from server.store.sheaves import Sheaves

TERMS = (
    "entity=Patient/a",
    "entity=Patient/b",
    "entity=Observation/o",
    "entity=Observation/o/_history/1",
    "agent=Practitioner/p",
    "policy=urn:tongkang:grant:g",
    "action=R",
    "entity-name=a",
)
# An own search parameter may be called like a field.
TERMS += ("div=a", "own=a")
DIVISIONS = ("35", "3502", "350206")
COMPARED = {
    "$gte": lambda value, bound: value >= bound,
    "$gt": lambda value, bound: value > bound,
    "$lte": lambda value, bound: value <= bound,
    "$lt": lambda value, bound: value < bound,
    "$in": lambda value, bound: value in bound,
    "$nin": lambda value, bound: value not in bound,
}


def fulfils(document, where):
    """Tell what MongoDB would: of a list one value has to be right, or none be wrong."""
    return all(_part(document, name, value) for name, value in where.items())


def _part(document, name, value):
    if isinstance(value, dict) and "$not" in value:
        return not _part(document, name, value["$not"])
    if value is None:
        return document.get(name) is None
    if name == "$and":
        return all(fulfils(document, one) for one in value)
    if name == "$or":
        return any(fulfils(document, one) for one in value)
    found = document.get(name, [])
    found = found if isinstance(found, list) else [found]
    if not isinstance(value, dict):
        return value in found
    return all(
        (all if operator == "$nin" else any)(COMPARED[operator](one, bound) for one in found)
        for operator, bound in value.items()
    )


moments = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5000)
records = st.fixed_dictionaries(
    {"t": st.lists(st.sampled_from(TERMS), max_size=4), "ds": st.integers(0, 5000)},
    optional={
        "div": st.lists(st.sampled_from(DIVISIONS), min_size=1, max_size=3),
        "own": st.sampled_from(["Organization/a", "Organization/b"]),
    },
).map(
    lambda one: {
        **one,
        "de": one["ds"] + 1000,
        "comp": [term[7:] for term in one["t"] if term.startswith("entity=Patient/")],
    }
)
terms = st.sampled_from(TERMS)
several = st.lists(terms, min_size=1, max_size=3)
plain = (
    st.builds(lambda name, one: {name: one}, st.sampled_from(["t", "whom"]), terms)
    | st.builds(lambda some: {"t": {"$in": some}}, several)
    | st.builds(lambda some: {"t": {"$nin": some}}, several)
    | st.builds(lambda one: {"comp": one}, st.sampled_from(["Patient/a", "Patient/b"]))
    | st.builds(
        lambda name, operator, moment: {name: {operator: moment}},
        st.sampled_from(["ds", "de"]),
        st.sampled_from(["$gte", "$gt", "$lte", "$lt"]),
        moments,
    )
    | st.builds(
        lambda operator, moment: {"ds": {"$not": {operator: moment}}},
        st.sampled_from(["$gte", "$gt", "$lte", "$lt"]),
        st.integers(0, 5000),
    )
    | st.builds(lambda one: {"div": one}, st.sampled_from([*DIVISIONS, None]))
    | st.builds(lambda one: {"own": one}, st.sampled_from(["Organization/a", None]))
)
conditions = st.recursive(
    plain,
    lambda inner: st.builds(
        lambda operator, some: {operator: some},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


class Nowhere(dict):
    def with_options(self, **_options):
        return self


def sought(item):
    """Return what a record is sought by, as the trail's own do."""
    yield from item["t"]
    yield from (f"=div={one}" for one in item.get("div", [""]))
    yield f"=own={item.get('own', '')}"


SHEAVES = Sheaves({"_sheaves": Nowhere()}, None, sought, None)


@given(st.lists(records, min_size=1, max_size=4), conditions)
def test_where_one_record_is_asked_for_its_sheaf_is_looked_into(made, where):
    made = [{**one, "whom": one["t"]} for one in made]
    sheaf = SHEAVES.entries([(one["ds"], one) for one in made])
    if any(fulfils(one, where) for one in made):
        assert fulfils(sheaf, possible(where))


@given(conditions)
def test_a_record_that_is_known_by_its_id_is_in_none(where):
    assert possible({"$and": [where, {"_id": "a-1"}]}) is None
