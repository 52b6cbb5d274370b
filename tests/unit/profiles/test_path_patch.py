"""FHIRPath Patch: what each operation makes of a resource.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import json

import pytest

from tests.unit.profiles.patching import (
    BIRTH,
    GIVEN,
    PATIENT,
    add,
    delete,
    insert,
    move,
    numbered,
    parts,
    patient,
    replace,
    valued,
)

CONTACT = patient(contact=[{"name": {"text": "a"}, "gender": "male"}])
CASES = [
    ("nothing", patient(gender="male"), [], patient(gender="male")),
    ("replace a primitive", patient(birthDate="1920-01-01"),
     [replace("Patient.birthDate", "Date", "1930-01-01")], patient(birthDate="1930-01-01")),
    ("delete a primitive", patient(birthDate="1920-01-01"), [delete("Patient.birthDate")], PATIENT),
    ("add a primitive", PATIENT, [add("Patient", "birthDate", "Date", "1930-01-01")],
     patient(birthDate="1930-01-01")),
    ("replace what is nested", CONTACT, [replace("Patient.contact[0].gender", "Code", "female")],
     patient(contact=[{"name": {"text": "a"}, "gender": "female"}])),
    ("replace what is nested deeper", CONTACT,
     [replace("Patient.contact[0].name.text", "String", "b")],
     patient(contact=[{"name": {"text": "b"}, "gender": "male"}])),
    ("delete what is nested", CONTACT, [delete("Patient.contact[0].gender")],
     patient(contact=[{"name": {"text": "a"}}])),
    ("what is left empty goes", CONTACT, [delete("Patient.contact[0].name.text")],
     patient(contact=[{"gender": "male"}])),
    ("all that is left empty goes", CONTACT,
     [delete("Patient.contact[0].gender"), delete("Patient.contact[0].name.text")], PATIENT),
    ("add to what is nested", patient(contact=[{"name": {"text": "a"}}]),
     [add("Patient.contact[0]", "gender", "Code", "male")], CONTACT),
    ("add a datatype", PATIENT, [add("Patient", "maritalStatus", "CodeableConcept", {"text": "m"})],
     patient(maritalStatus={"text": "m"})),
    ("replace a datatype with its id", patient(maritalStatus={"id": "1", "text": "m"}),
     [replace("Patient.maritalStatus", "CodeableConcept", {"id": "2", "text": "n"})],
     patient(maritalStatus={"id": "2", "text": "n"})),
    ("delete a datatype", patient(maritalStatus={"text": "m"}),
     [delete("Patient.maritalStatus")], PATIENT),
    ("add an element without a type of its own", PATIENT,
     [add("Patient", "contact", parts({"name": "name", "valueHumanName": {"text": "a"}},
                                     {"name": "gender", "valueCode": "male"}))], CONTACT),
    ("such elements within each other", {"resourceType": "Bundle"},
     [add("Bundle", "entry", parts(
         {"name": "link", "part": [{"name": "relation", "valueString": "self"},
                                   {"name": "url", "valueUri": "urn:a"}]},
         {"name": "link", "part": [{"name": "relation", "valueString": "next"},
                                   {"name": "url", "valueUri": "urn:b"}]},
         {"name": "search", "part": [{"name": "score", "valueDecimal": 1}]},
         {"name": "resource", "resource": PATIENT}))],
     {"resourceType": "Bundle", "entry": [{
         "link": [{"relation": "self", "url": "urn:a"}, {"relation": "next", "url": "urn:b"}],
         "search": {"score": 1}, "resource": PATIENT}]}),
    ("a choice in such an element", {"resourceType": "Observation"},
     [add("Observation", "component", parts(
         {"name": "code", "valueCodeableConcept": {"text": "c"}},
         {"name": "value", "valueQuantity": {"value": 1}}))],
     {"resourceType": "Observation", "component": [
         {"code": {"text": "c"}, "valueQuantity": {"value": 1}}]}),
    ("replace such an element", CONTACT,
     [replace("Patient.contact", parts({"name": "gender", "valueCode": "other"}))],
     patient(contact=[{"gender": "other"}])),
    ("delete such an element", CONTACT, [delete("Patient.contact[0]")], PATIENT),
    ("a datatype by its parts", PATIENT,
     [add("Patient", "maritalStatus", parts({"name": "text", "valueString": "m"}))],
     patient(maritalStatus={"text": "m"})),
    ("add is behind the last", numbered(1, 2),
     [add("Patient", "identifier", "Identifier", {"system": "urn:x", "value": "3"})],
     numbered(1, 2, 3)),
    ("insert behind the last", numbered(1, 2),
     [insert("Patient.identifier", 2, "Identifier", {"system": "urn:x", "value": "3"})],
     numbered(1, 2, 3)),
    ("insert between", numbered(1, 2),
     [insert("Patient.identifier", 1, "Identifier", {"system": "urn:x", "value": "3"})],
     numbered(1, 3, 2)),
    ("insert before the first", numbered(1, 2),
     [insert("Patient.identifier", 0, "Identifier", {"system": "urn:x", "value": "3"})],
     numbered(3, 1, 2)),
    ("insert where there is none yet", PATIENT,
     [insert("identifier", 0, "Identifier", {"system": "urn:x", "value": "3"})], numbered(3)),
    ("delete the first", numbered(1, 2, 3), [delete("Patient.identifier[0]")], numbered(2, 3)),
    ("delete one between", numbered(1, 2, 3), [delete("Patient.identifier[1]")], numbered(1, 3)),
    ("delete the last", numbered(1, 2, 3), [delete("Patient.identifier[2]")], numbered(1, 2)),
    ("delete the only one of a list", numbered(1), [delete("Patient.identifier")], PATIENT),
    ("delete what is not there", numbered(1), [delete("Patient.identifier[1].period.start")],
     numbered(1)),
    ("move back", numbered(1, 2, 3, 4), [move("Patient.identifier", 3, 1)], numbered(1, 4, 2, 3)),
    ("move to the front", numbered(1, 2, 3, 4), [move("Patient.identifier", 3, 0)],
     numbered(4, 1, 2, 3)),
    ("move by one", numbered(1, 2, 3, 4), [move("Patient.identifier", 3, 2)],
     numbered(1, 2, 4, 3)),
    ("move to the end", numbered(1, 2, 3, 4), [move("Patient.identifier", 0, 3)],
     numbered(2, 3, 4, 1)),
    ("move three times, which turns the list round", numbered(1, 2, 3, 4),
     [move("Patient.identifier", 3, n) for n in range(3)], numbered(4, 3, 2, 1)),
    ("move to where it is", numbered(1, 2), [move("Patient.identifier", 1, 1)], numbered(1, 2)),
    ("operations see what those before them did", PATIENT,
     [add("Patient", "name", "HumanName", {"use": "usual"}),
      add("Patient.name.where(use = 'usual')", "family", "String", "甲"),
      replace("Patient.name[0].use", "Code", "official")],
     patient(name=[{"use": "official", "family": "甲"}])),
    ("a choice takes the type of its value", PATIENT,
     [add("Patient", "deceased", "DateTime", "2020")], patient(deceasedDateTime="2020")),
    ("a choice may be named with [x]", PATIENT,
     [add("Patient", "deceased[x]", "Boolean", True)], patient(deceasedBoolean=True)),
    ("a choice may be named as the property", PATIENT,
     [add("Patient", "deceasedBoolean", "Boolean", True)], patient(deceasedBoolean=True)),
    ("a choice changes its type", patient(deceasedBoolean=True, _deceasedBoolean={"id": "a"}),
     [replace("Patient.deceased", "DateTime", "2020")], patient(deceasedDateTime="2020")),
    ("a choice is deleted", patient(deceasedBoolean=False), [delete("Patient.deceased")], PATIENT),
    ("a narrative comes as a string",
     {**PATIENT, "text": {"status": "generated", "div": "<div>a</div>"}},
     [replace("Patient.text.div", "String", "<div>b</div>")],
     {**PATIENT, "text": {"status": "generated", "div": "<div>b</div>"}}),
    ("an Age is a Quantity", {"resourceType": "Condition"},
     [add("Condition", "onset", "Age", {"value": 1})],
     {"resourceType": "Condition", "onsetAge": {"value": 1}}),
    ("a resource is contained", PATIENT,
     [add("Patient", "contained",
          {"name": "value", "resource": {"resourceType": "Basic", "id": "b"}}),
      add("Patient.contained.where(id = 'b')", "created", "Date", "2020")],
     patient(contained=[{"resourceType": "Basic", "id": "b", "created": "2020"}])),
    ("an extension is named by its URL",
     patient(extension=[{"url": "a", "valueString": "x"}, {"url": "b", "valueString": "x"}]),
     [replace("Patient.extension('b').value", "Code", "y")],
     patient(extension=[{"url": "a", "valueString": "x"}, {"url": "b", "valueCode": "y"}])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "operations", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_operations_do_what_they_say(patched, resource, operations, expected):
    assert json.loads(patched(resource, *operations)) == expected


PRIMITIVES = [
    ("a list of primitives loses the id with the value", GIVEN, [delete("Patient.name.given[2]")],
     {"given": ["a", None], "_given": [None, {"id": "x"}]}),
    ("what has only an id is an item, too", GIVEN, [delete("Patient.name.given[1]")],
     {"given": ["a", "c"], "_given": [None, {"id": "y"}]}),
    ("an inserted one has no id", GIVEN, [insert("Patient.name.given", 1, "String", "b")],
     {"given": ["a", "b", None, "c"], "_given": [None, None, {"id": "x"}, {"id": "y"}]}),
    ("a moved one takes its id along", GIVEN, [move("Patient.name.given", 2, 0)],
     {"given": ["c", "a", None], "_given": [{"id": "y"}, None, {"id": "x"}]}),
    ("a replaced one loses its id", GIVEN, [replace("Patient.name.given[2]", "String", "d")],
     {"given": ["a", None, "d"], "_given": [None, {"id": "x"}, None]}),
    ("no id is left over", GIVEN,
     [delete("Patient.name.given[2]"), delete("Patient.name.given[1]")], {"given": ["a"]}),
    ("no value is left over", GIVEN,
     [delete("Patient.name.given[2]"), delete("Patient.name.given[0]")],
     {"_given": [{"id": "x"}]}),
    ("the id alone goes", GIVEN, [delete("Patient.name.given[2].id")],
     {"given": ["a", None, "c"], "_given": [None, {"id": "x"}, None]}),
    ("with its id goes what has nothing else", GIVEN, [delete("Patient.name.given[1].id")],
     {"given": ["a", "c"], "_given": [None, {"id": "y"}]}),
    ("an id is added", GIVEN, [add("Patient.name.given[0]", "id", "String", "z")],
     {"given": ["a", None, "c"], "_given": [{"id": "z"}, {"id": "x"}, {"id": "y"}]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "operations", "expected"),
    [case[1:] for case in PRIMITIVES],
    ids=[case[0] for case in PRIMITIVES],
)
def test_primitives_keep_their_ids_and_extensions(
    patched, validator, resource, operations, expected
):
    changed = json.loads(patched(resource, *operations))
    assert changed == patient(name=[expected])
    assert validator.faults(changed) == []


def test_the_extension_of_a_primitive_can_be_patched(patched):
    assert json.loads(patched(BIRTH, delete("Patient.birthDate.extension"))) == (
        patient(birthDate="1970")
    )
    extension = {"url": "urn:b", "valueString": "b"}
    added = json.loads(
        patched(patient(birthDate="1970"), add("birthDate", "extension", "Extension", extension))
    )
    assert added == patient(birthDate="1970", _birthDate={"extension": [extension]})
    value = {**valued("Date", "1971"), "_valueDate": {"id": "n"}}
    assert json.loads(patched(BIRTH, replace("Patient.birthDate", value))) == (
        patient(birthDate="1971", _birthDate={"id": "n"})
    )


def test_digits_stay_as_they_are_written(patched):
    changed = patched(
        '{"resourceType":"Observation","valueQuantity":{"value":1.50},"component":[]}',
        '{"name":"operation","part":[{"name":"type","valueCode":"add"},'
        '{"name":"path","valueString":"Observation"},{"name":"name","valueString":"component"},'
        '{"name":"value","part":[{"name":"value","valueQuantity":{"value":0.100}}]}]}',
    )
    assert changed == (
        '{"resourceType":"Observation","valueQuantity":{"value":1.50},'
        '"component":[{"valueQuantity":{"value":0.100}}]}'
    )


def test_what_changes_nothing_gives_the_same_bytes(patched):
    document = '{"resourceType":"Patient","name":[{"text":"\\u4e2d\\/"}],"multipleBirthInteger":2}'
    assert patched(document) == document
    assert patched(document, delete("Patient.name.given")) == document
    same = replace("Patient.multipleBirth", "Integer", 2)
    assert patched(document, same) == document
