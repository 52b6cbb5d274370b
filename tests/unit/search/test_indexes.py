"""Which indexes there are, and which are built on demand."""

import pytest

from server.search.indexes import IndexTable, sorting

TYPES = ("Patient", "Observation", "Encounter", "Organization", "Location", "ValueSet")


@pytest.mark.parametrize("type", TYPES)
def test_what_is_costly_and_seldom_needed_has_no_index_from_the_start(index_table, type):
    fields = {field for spec in index_table.indexes(type) for field, _ in spec.keys}
    assert not any(field in ("g", "w") or field[:2] in ("o.", "z.") for field in fields)


@pytest.mark.parametrize("type", TYPES)
def test_every_index_has_a_name_of_its_own(index_table, type):
    on_demand = [index_table.on_demand(type, field) for field in ("g", "w", "o.a-b", "z.a-b")]
    names = [spec.name for spec in (*index_table.indexes(type), *on_demand)]
    assert len(names) == len(set(names))


def test_lists_on_demand_leave_out_what_has_none_of_them():
    spec = IndexTable.on_demand("Patient", "g")
    assert (spec.keys, spec.options) == ((("g", 1), ("_id", 1)), {"sparse": True})


def test_sort_keys_on_demand_have_what_is_missing_too():
    spec = IndexTable.on_demand("Patient", "o.family")
    assert (spec.keys, spec.options) == ((("o.family", 1), ("_id", 1)), {})


def test_one_index_serves_an_order_and_its_reverse():
    order = (("o.gender", 1), ("ds", -1), ("_id", 1))
    turned = tuple((field, -direction) for field, direction in order)
    assert sorting(order) == sorting(turned)
    assert sorting(order).keys == order
    assert sorting(order).name == "sort_o.gender_-ds__id"


def test_orders_that_differ_have_different_indexes():
    orders = [
        (("o.a", 1), ("_id", 1)),
        (("o.a", 1), ("_id", -1)),
        (("z.a", 1), ("_id", 1)),
        (("o.a", 1), ("ds", -1), ("_id", 1)),
    ]
    assert len({sorting(one).name for one in orders}) == len(orders)
