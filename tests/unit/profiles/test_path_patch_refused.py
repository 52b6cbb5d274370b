"""What FHIRPath Patch refuses, and that nothing else goes wrong, whatever is asked.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest, Unprocessable
from tests.unit.profiles.patching import (
    BIRTH,
    GIVEN,
    NAMES,
    PATIENT,
    add,
    delete,
    insert,
    move,
    operation,
    parts,
    patient,
    replace,
    valued,
)

UNPROCESSABLE = [
    ("several to delete", delete("Patient.name")),
    ("several to replace", replace("Patient.name", "HumanName", {"text": "x"})),
    ("several to add to", add("Patient.name", "text", "String", "x")),
    ("nothing to replace", replace("Patient.birthDate", "Date", "2020")),
    ("nothing to add to", add("Patient.name[1].period.where(end.exists())", "end", "Date", "2020")),
    ("nothing to insert into", insert("Patient.contact[0].telecom", 0, "ContactPoint", {})),
    ("several to insert into", insert("Patient.name.given", 0, "String", "x")),
    ("several to move in", move("Patient.name.given", 0, 1)),
    ("an element that is there", add("Patient", "active", "Boolean", True)),
    ("a choice that is there", add("Patient.name[1].period", "start", "Date", "2020")),
    ("an unknown element to add", add("Patient", "colour", "String", "x")),
    ("an unknown element in a path", delete("Patient.colour")),
    ("an unknown element deeper in a path", delete("Patient.name.colour")),
    ("an unknown element of a criterion", delete("Patient.name.where(colour = 'x')")),
    ("an unknown element to insert", insert("Patient.colour", 0, "String", "x")),
    ("a property in the place of a choice", delete("Patient.deceasedBoolean")),
    ("an element of a primitive", delete("Patient.active.colour")),
    ("another type of resource", delete("Observation.status")),
    ("another type of resource to insert into", insert("Person.name", 0, "HumanName", {})),
    ("the whole resource", delete("Patient")),
    ("another resource", replace("Patient", {"name": "value", "resource": PATIENT})),
    ("an index behind the end", insert("Patient.name", 4, "HumanName", {"text": "x"})),
    ("a source behind the end", move("Patient.name", 3, 0)),
    ("a destination behind the end", move("Patient.name", 0, 3)),
    ("no list to insert into", insert("Patient.active", 0, "Boolean", True)),
    ("no list but an item", insert("Patient.name[0]", 0, "HumanName", {"text": "x"})),
    ("no list but the resource", move("Patient", 0, 0)),
    ("a value of another type", add("Patient", "name", "Address", {"text": "x"})),
    ("a primitive for a datatype", replace("Patient.name[0]", "String", "x")),
    ("a datatype for a primitive", replace("Patient.active", "HumanName", {"text": "x"})),
    ("a datatype for what has none", add("Patient", "contact", "HumanName", {"text": "x"})),
    ("a type that a choice does not have", add("Patient", "multipleBirth", "String", "x")),
    ("a resource for a datatype",
     add("Patient", "name", {"name": "value", "resource": PATIENT})),
    ("parts for a primitive",
     add("Patient", "gender", parts({"name": "value", "valueString": "x"}))),
    (
        "parts for a resource",
        add("Patient", "contained", parts({"name": "id", "valueString": "i"})),
    ),
    ("parts that are not there", add("Patient", "contact", parts({"name": "x", "valueCode": "x"}))),
    ("parts twice", add("Patient", "contact", parts({"name": "gender", "valueCode": "male"},
                                                    {"name": "gender", "valueCode": "male"}))),
    ("values instead of elements", delete("Patient.name.count()")),
    ("a literal", delete("'x'")),
    ("a union", delete("Patient.active | Patient.gender")),
    ("what is referred to", delete("Patient.managingOrganization.resolve().name")),
    ("a trace", delete("Patient.name.trace('x')")),
    ("a regular expression", delete("Patient.name.where(text.matches('(a+)+b'))")),
    ("all that is below", delete("Patient.descendants()")),
    ("a variable", delete("Patient.name.where(text = %resource.id)")),
    ("whole elements compared", delete("Patient.name.where($this = $this)")),
    ("texts ordered", delete("Patient.name.where(use < 'a')")),
    ("several where one is due", delete("Patient.where(name.exists() and name.use)")),
    ("a criterion of several", delete("Patient.where(name.given)")),
    ("an element of a value", delete("Patient.name.where(given.count().value = 1)")),
]  # fmt: skip


@pytest.mark.parametrize(
    "operation", [case[1] for case in UNPROCESSABLE], ids=[case[0] for case in UNPROCESSABLE]
)
def test_what_cannot_be_done_is_unprocessable(patched, operation):
    with pytest.raises(Unprocessable) as refusal:
        patched(NAMES, operation)
    assert refusal.value.issues[0].expression.startswith("Parameters.parameter[0]")


def without(operation, name):
    return {**operation, "part": [part for part in operation["part"] if part["name"] != name]}


def with_part(operation, part):
    return {**operation, "part": [*operation["part"], part]}


ADD, MOVE = add("Patient", "active", "Boolean", True), move("Patient.name", 0, 1)
MALFORMED = [
    ("another parameter", {"name": "x", "part": []}),
    ("no parts", {"name": "operation", "valueString": "add"}),
    *((f"no {name}", without(ADD, name)) for name in ("type", "path", "name", "value")),
    *((f"no {name}", without(MOVE, name)) for name in ("source", "destination")),
    ("no index", without(insert("Patient.name", 0, "HumanName", {}), "index")),
    ("an unknown type", operation("remove", "Patient.name")),
    ("a part that the type has not", with_part(delete("Patient.active"), valued("Code", "x"))),
    ("an unknown part", with_part(ADD, {"name": "x", "valueCode": "x"})),
    ("a part twice", with_part(ADD, {"name": "path", "valueString": "Patient"})),
    ("a type without a value", with_part(without(ADD, "type"), {"name": "type"})),
    ("a path that is a number",
     with_part(without(ADD, "path"), {"name": "path", "valueInteger": 1})),
    ("a value that is none", with_part(without(ADD, "value"), {"name": "value"})),
    ("an index below 0", insert("Patient.name", -1, "HumanName", {"text": "x"})),
    ("an index that is no number",
     with_part(without(MOVE, "source"), {"name": "source", "valueString": "0"})),
    ("an index that is no whole number",
     with_part(without(MOVE, "source"), {"name": "source", "valueDecimal": 0.5})),
    ("a path that is none", delete("Patient..name")),
    ("half a path", delete("Patient.name[")),
    ("a path and more", delete("Patient.name) or true")),
    ("an empty path", delete(" ")),
    ("a path that nests too deep", delete("(" * 400 + "name" + ")" * 400)),
    ("a path that is too long", delete("Patient.name" + ".where(true)" * 100)),
]  # fmt: skip


@pytest.mark.parametrize(
    "operation", [case[1] for case in MALFORMED], ids=[case[0] for case in MALFORMED]
)
def test_what_is_no_operation_is_a_bad_request(patched, operation):
    with pytest.raises(BadRequest):
        patched(NAMES, operation)


STEPS = st.sampled_from(
    ["Patient", "name", "given", "contact", "telecom", "extension", "value", "id", "period",
     "start", "deceased", "birthDate", "[0]", "[1]", "first()", "where(use='usual')", "where(id)",
     "contained"]
)  # fmt: skip
VALUES = st.sampled_from(
    [valued("String", "x"), valued("Boolean", True), valued("HumanName", {"given": ["x"]}),
     valued("Period", {"start": "2020"}), valued("Extension", {"url": "urn:x", "valueCode": "c"}),
     valued("Date", "2020"), {"name": "value", "_valueCode": {"id": "only"}},
     {"name": "value", "resource": {"resourceType": "Basic", "id": "b"}},
     parts({"name": "gender", "valueCode": "male"}), parts({"name": "id", "valueString": "i"})]
)  # fmt: skip
LIKELY = st.sampled_from(
    ["Patient", "Patient.name", "Patient.name[0]", "Patient.name[1].period", "Patient.deceased",
     "Patient.name[0].given", "Patient.name[0].given[1]", "Patient.name[0].given[2].id",
     "Patient.contact[0]", "Patient.contact.name", "Patient.contact.name.given",
     "Patient.birthDate",
     "Patient.birthDate.extension", "Patient.birthDate.extension.value", "Patient.contained",
     "Patient.contained[0]", "Patient.contained.code.text", "Patient.contact.extension"]
)  # fmt: skip
PATHS = LIKELY | st.lists(STEPS, min_size=1, max_size=5).map(
    lambda steps: ".".join(steps).replace(".[", "[")
)
ELEMENTS = st.sampled_from(["name", "given", "id", "extension", "deceased", "contact", "contained",
                            "value", "period", "birthDate", "gender"])  # fmt: skip
RANDOM = st.one_of(
    st.builds(add, PATHS, ELEMENTS, VALUES),
    st.builds(replace, PATHS, VALUES),
    st.builds(delete, PATHS),
    st.builds(move, PATHS, st.integers(0, 2), st.integers(0, 2)),
    st.builds(
        lambda path, index, value: operation(
            "insert", path, {"name": "index", "valueInteger": index}, value
        ),
        PATHS,
        st.integers(0, 2),
        VALUES,
    ),
)
RICH = patient(
    id="p",
    name=[GIVEN["name"][0], {"use": "usual", "period": {"start": "2020"}}],
    contact=[{"name": {"given": ["x"]}, "extension": [{"url": "urn:a", "valueCode": "x"}]}],
    birthDate="1970",
    _birthDate=BIRTH["_birthDate"],
    deceasedBoolean=False,
    contained=[{"resourceType": "Basic", "id": "c", "code": {"text": "x"}}],
)


@given(operations=st.lists(RANDOM, max_size=6))
def test_any_operations_are_done_or_refused_and_leave_no_holes(patched, validator, operations):
    """What is left may break a rule of content, but its JSON is well formed."""
    changed = json.dumps(RICH)
    for one in operations:
        with suppress(Unprocessable, BadRequest):
            changed = patched(changed, one)
    messages = {issue.message for issue in validator.faults(json.loads(changed))}
    assert messages.isdisjoint(
        {"structure-empty-object", "structure-empty-array", "structure-null", "structure-array",
         "structure-not-an-array", "structure-sibling-length", "structure-choice",
         "structure-not-an-object"}
    )  # fmt: skip
