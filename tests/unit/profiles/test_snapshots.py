"""What a snapshot has, and what a differential may not say.

Spec: https://hl7.org/fhir/R4/profiling.html#snapshot
"""

import pytest

from server.fhir.outcome import Unprocessable
from tests.unit.profiles.profiling import OURS, R4, extension, profile

SLICED = ("Patient.identifier", {"slicing": {
    "discriminator": [{"type": "value", "path": "system"}], "rules": "open"}})  # fmt: skip
SLICE = ("Patient.identifier", {"sliceName": "a", "min": 1})


def rows(room, definition):
    return {row["id"]: row for row in room.guide.snapshots.snapshot(definition)}


def test_a_profile_that_says_nothing_has_all_that_its_base_has(room):
    found = rows(room(), profile())
    assert len(found) == 45
    assert found["Patient.gender"]["binding"]["strength"] == "required"
    assert found["Patient.contact"]["constraint"][1]["key"] == "pat-1"
    assert found["Patient.active"]["isModifier"] is True


def test_every_row_is_a_whole_one(room):
    found = rows(room(), profile(SLICED, SLICE))
    for id, row in found.items():
        assert {"id", "path", "min", "max", "definition", "base"} <= row.keys(), id
        assert ("sliceName" in row) == (":" in id.rpartition(".")[2])


def test_what_is_said_stands_beside_what_was_there(room):
    row = rows(room(), profile(("Patient.name", {"min": 1, "max": "2", "mustSupport": True})))[
        "Patient.name"
    ]
    assert (row["min"], row["max"], row["mustSupport"]) == (1, "2", True)
    assert row["base"] == {"path": "Patient.name", "min": 0, "max": "*"}
    assert row["type"] == [{"code": "HumanName"}]


def test_types_are_walked_into(room):
    found = rows(room(), profile(("Patient.name.family", {"min": 1})))
    assert found["Patient.name.family"]["base"]["path"] == "HumanName.family"
    assert found["Patient.name.family"]["min"] == 1
    assert "Patient.name.given" in found
    assert "Patient.identifier.system" not in found


def test_slices_stand_behind_what_they_are_slices_of(room):
    within = ("Patient.identifier.system", {"min": 1, "fixedUri": "urn:a"})
    found = rows(room(), profile(SLICED, SLICE, within))
    ids = list(found)
    assert ids.index("Patient.identifier") < ids.index("Patient.identifier:a")
    assert found["Patient.identifier:a.system"]["fixedUri"] == "urn:a"
    assert found["Patient.identifier:a"]["path"] == "Patient.identifier"


def test_a_slice_need_not_be_there_unless_it_is_said(room):
    must = ("Patient.identifier", {**SLICED[1], "min": 2})
    found = rows(room(), profile(must, ("Patient.identifier", {"sliceName": "a"})))
    assert found["Patient.identifier:a"]["min"] == 0


def test_ids_are_worked_out_where_they_are_not_given(room):
    b = ("Patient.identifier", {"sliceName": "b"})
    found = rows(room(), profile(SLICED, SLICE, ("Patient.identifier.value", {"min": 1}), b,
                                 ("Patient.identifier.value", {"max": "0"})))  # fmt: skip
    assert found["Patient.identifier:a.value"]["min"] == 1
    assert found["Patient.identifier:b.value"]["max"] == "0"


def test_ids_say_what_rows_are_about_in_any_order(room):
    b = ("Patient.identifier", {"sliceName": "b", "id": "Patient.identifier:b"})
    late = ("Patient.identifier.value", {"id": "Patient.identifier:a.value", "min": 1})
    found = rows(room(), profile(SLICED, SLICE, b, late))
    assert found["Patient.identifier:a.value"]["min"] == 1


def test_extensions_are_sliced_by_url_without_saying_so(room):
    typed = {"sliceName": "e", "type": [{"code": "Extension", "profile": [OURS + "e"]}]}
    found = rows(room(extension()), profile(("Patient.extension", typed)))
    assert found["Patient.extension"]["slicing"]["discriminator"] == [
        {"type": "value", "path": "url"}
    ]


def test_profiled_types_are_walked_into(room):
    typed = {"sliceName": "e", "type": [{"code": "Extension", "profile": [OURS + "e"]}]}
    inner = ("Patient.extension.value[x]", {"min": 1})
    found = rows(room(extension()), profile(("Patient.extension", typed), inner))
    assert found["Patient.extension:e.url"]["fixedUri"] == OURS + "e"
    assert found["Patient.extension:e.value[x]"]["min"] == 1


def test_a_choice_in_short_is_a_slice_and_leaves_that_type(room):
    found = rows(room(), profile(("Observation.valueQuantity.code", {"min": 1}),
                                 type="Observation"))  # fmt: skip
    assert [one["code"] for one in found["Observation.value[x]"]["type"]] == ["Quantity"]
    assert found["Observation.value[x]:valueQuantity.code"]["min"] == 1


def test_two_choices_in_short_leave_both_types(room):
    elements = [(f"Observation.value{one}", {"max": "1"}) for one in ("Quantity", "String")]
    found = rows(room(), profile(*elements, type="Observation"))
    assert [one["code"] for one in found["Observation.value[x]"]["type"]] == ["Quantity", "string"]


def test_what_is_referred_to_is_walked_into(room):
    element = ("Observation.component.referenceRange.low", {"min": 1})
    found = rows(room(), profile(element, type="Observation"))
    assert found["Observation.component.referenceRange.low"]["min"] == 1
    assert found["Observation.component.referenceRange.high"]["base"]["path"] == (
        "Observation.referenceRange.high"
    )


def test_reslices_stand_behind_their_slice(room):
    resliced = ("Patient.identifier", {"sliceName": "a", **SLICED[1]})
    more = [("Patient.identifier", {"sliceName": name}) for name in ("b", "a/1", "a/2")]
    ids = list(rows(room(), profile(SLICED, resliced, *more)))
    assert [id for id in ids if id.startswith("Patient.identifier:")] == [
        f"Patient.identifier:{name}" for name in ("a", "a/1", "a/2", "b")
    ]


def test_a_profile_of_a_profile_has_what_both_say(room):
    base = profile(("Patient.name", {"min": 1}), name="base")
    found = rows(room(base), profile(("Patient.name", {"max": "3"}), base=base["url"]))
    assert (found["Patient.name"]["min"], found["Patient.name"]["max"]) == (1, "3")


def test_constraints_are_added_with_their_source(room):
    constraint = {"key": "a-1", "severity": "error", "human": "a", "expression": "true"}
    found = rows(room(), profile(("Patient.name", {"constraint": [constraint]})))
    keys = {one["key"]: one.get("source") for one in found["Patient.name"]["constraint"]}
    assert keys == {"ele-1": R4 + "Element", "a-1": OURS + "p"}


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ([("Patient.nonsense", {"min": 1})], "snapshot-path-unknown"),
        ([("Patient.name.nonsense", {"min": 1})], "snapshot-path-unknown"),
        ([("Patient.gender.code", {"min": 1})], "snapshot-path-unknown"),
        ([("Patient.gender", {"max": "2"})], "snapshot-cardinality-widened"),
        ([("Patient.gender", {"max": "*"})], "snapshot-cardinality-widened"),
        ([("Patient.communication.language", {"min": 0})], "snapshot-cardinality-widened"),
        ([("Patient.name", {"min": 2, "max": "1"})], "snapshot-cardinality-empty"),
        ([("Patient.gender", {"type": [{"code": "string"}]})], "snapshot-type-not-allowed"),
        ([("Patient.multipleBirth[x]", {"type": [{"code": "string"}]})],
         "snapshot-type-not-allowed"),
        ([("Patient.gender", {"binding": {"strength": "preferred", "valueSet": "urn:a"}})],
         "snapshot-binding-weaker"),
        ([("Patient.identifier", {"sliceName": "a"})], "snapshot-not-sliced"),
        ([SLICED, ("Patient.identifier", {"sliceName": "a/b"})], "snapshot-slice-unknown"),
        ([SLICED, SLICE, ("Patient.identifier", {"sliceName": "a/b"})], "snapshot-not-sliced"),
        ([SLICED, {"path": "Patient.identifier.value", "id": "Patient.identifier:x.value"}],
         "snapshot-slice-unknown"),
        ([SLICED, ("Patient.identifier", {"sliceName": "x", "sliceIsConstraining": True})],
         "snapshot-slice-unknown"),
    ],
)  # fmt: skip
def test_what_widens_or_is_not_there_is_refused(room, elements, message):
    with pytest.raises(Unprocessable) as refusal:
        room().guide.compiled(profile(*elements))
    assert [one.message for one in refusal.value.issues] == [message]


def test_every_fault_is_told_with_the_element(room):
    faulty = [("Patient.gender", {"max": "2"}), ("Patient.x", {"min": 1})]
    with pytest.raises(Unprocessable) as refusal:
        room().guide.compiled(profile(*faulty))
    assert [one.arguments["at"] for one in refusal.value.issues] == ["Patient.gender", "Patient.x"]


def test_a_fixed_value_stays(room):
    base = profile(("Patient.active", {"fixedBoolean": True}), name="base")
    other = profile(("Patient.active", {"fixedBoolean": False}), base=base["url"])
    with pytest.raises(Unprocessable, match="fixed"):
        room(base).guide.compiled(other)


def test_an_unknown_base_is_told(room):
    with pytest.raises(Unprocessable, match="urn:b"):
        room().guide.compiled(profile(base="urn:b"))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_profiles_that_are_based_on_themselves_are_told(room, length):
    names = [f"c{place}" for place in range(length)]
    known = [
        profile(name=name, base=OURS + names[(place + 1) % length])
        for place, name in enumerate(names)
    ]
    with pytest.raises(Unprocessable, match="itself"):
        room(*known).guide.find(known[0]["url"])


def test_an_extension_in_itself_ends(room):
    itself = {"sliceName": "e", "type": [{"code": "Extension", "profile": [OURS + "e"]}]}
    definition = extension(("Extension.extension", itself), ("Extension.extension.url", {"min": 1}))
    with pytest.raises(Unprocessable, match="itself"):
        room(definition).guide.find(definition["url"])
