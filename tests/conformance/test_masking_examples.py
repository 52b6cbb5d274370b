"""Each element of HL7's examples can be hidden and masked, whatever its type.

Spec: 人口健康信息管理办法(试行) article 8, 最少够用 (R1.8b)
"""

import tarfile

import orjson
import pytest

from server import content
from server.access.policy import Masks
from server.profiles.definitions import load
from server.profiles.masking import Masking
from tests.unit.profiles.taking_out import each_element_is_out

LEAST_TYPES, LARGEST = 140, 100_000


@pytest.fixture(scope="module")
def masking():
    return Masking.of(load(content.PROFILES / "r4"))


@pytest.fixture(scope="module")
def examples(r4_package, masking):
    """One example of each type, not a large one: that which has the most elements."""
    found = {}
    with tarfile.open(r4_package) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is None or member.size > LARGEST:
                continue
            one = orjson.loads(file.read())
            type = one.get("resourceType")
            slots = masking.shapes[type] if type in masking.mentions else None
            if (
                slots
                and one.keys() - {"resourceType"} <= slots.slots.keys() | slots.siblings.keys()
            ):
                found[type] = max(found.get(type, {}), one, key=len)
    return found


@pytest.mark.parametrize("how", ["hidden", "masked"])
def test_each_element_of_each_type_can_be_taken_out(masking, examples, how):
    assert len(examples) >= LEAST_TYPES
    for one in examples.values():
        each_element_is_out(masking, one, how)


def test_an_example_tells_nothing_that_masks_of_all_types_hide(masking, examples):
    """With every type masked, no narrative is left."""
    masks = {type: Masks(frozenset({"identifier"})) for type in masking.mentions}
    for one in examples.values():
        told = masking.shown(masks, orjson.dumps(one))
        assert b'"div":' not in told
