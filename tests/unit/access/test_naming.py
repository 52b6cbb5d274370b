"""Rights have one name, in every process, and other rights another one."""

from dataclasses import replace

import pytest

from server.access import naming
from server.access.caller import Caller
from server.access.policy import Masks, Region, Right, Rights

RIGHTS = Rights(
    caller=Caller(kind="staff", account="a", role="clinician"),
    rights=(Right("Patient", frozenset("cruds")), Right("Observation", frozenset("rs"))),
    region=Region(divisions=("350602",)),
    withheld=frozenset(("HIV", "ETH", "PSY", "SEX")),
    masks={"Patient": Masks(frozenset(("name", "telecom"))), "Observation": Masks()},
)


def test_the_order_of_a_set_or_a_table_means_nothing():
    same = replace(
        RIGHTS,
        rights=(Right("Patient", frozenset("sdurc")), Right("Observation", frozenset("sr"))),
        withheld=frozenset(("SEX", "PSY", "ETH", "HIV")),
        masks=dict(reversed(RIGHTS.masks.items())),
    )
    assert naming.name(same) == naming.name(RIGHTS)


def test_whose_rights_they_are_means_nothing():
    another = Caller(kind="staff", account="b", role="clinician")
    assert naming.name(replace(RIGHTS, caller=another)) == naming.name(RIGHTS)


@pytest.mark.parametrize(
    "other",
    [
        {"caller": Caller(kind="staff", account="a", role="auditor")},
        {"caller": Caller(kind="system", role="clinician")},
        {"rights": RIGHTS.rights[:1]},
        {"rights": (Right("Patient", frozenset("crud")), RIGHTS.rights[1])},
        {"rights": (replace(RIGHTS.rights[0], patients=("Patient/a",)), RIGHTS.rights[1])},
        {"region": None},
        {"withheld": frozenset()},
        {"lifted": ("Patient/a",)},
        {"masks": {}},
        {"internal": True},
    ],
)
def test_all_that_decides_is_in_it(other):
    assert naming.name(replace(RIGHTS, **other)) != naming.name(RIGHTS)
