"""Slices: which items belong to one, and what holds of them.

Spec: https://hl7.org/fhir/R4/profiling.html#slicing
"""

import pytest

from tests.unit.profiles.profiling import COLOURS, OURS, R4, SYSTEM, observation, patient, profile

A, B, C = ({"system": f"urn:{name}", "value": name} for name in "abc")


def slicing(*discriminators, rules="open", **more):
    pairs = [one.split(" ") for one in discriminators]
    found = [{"type": type, "path": path} for type, path in pairs]
    return {"slicing": {"discriminator": found, "rules": rules, **more}}


def by_system(rules="open", a=None, b=None, **more):
    """Return a Patient profile with slices a and b of identifier, told apart by system."""
    rows = [("Patient.identifier", slicing("value system", rules=rules, **more))]
    for name, facts in (("a", a), ("b", b)):
        rows.append(("Patient.identifier", {"sliceName": name, **(facts or {})}))
        rows.append(("Patient.identifier.system", {"fixedUri": f"urn:{name}"}))
    return profile(*rows)


@pytest.mark.parametrize(
    ("definition", "good", "bad", "message", "place"),
    [
        (by_system(a={"min": 1}), [A], [B], "slice-min", ""),
        (by_system(a={"min": 1}), [B, A], [], "slice-min", ""),
        (by_system(a={"max": "1"}), [A, B, B], [A, A], "slice-max", ""),
        (by_system(a={"max": "0"}), [B], [A], "slice-max", ""),
        (by_system(a={"min": 2}), [A, C, A], [A, C], "slice-min", ""),
        (by_system("closed"), [A, B], [A, C], "slice-closed", "[1]"),
        (by_system("closed"), [], [{"value": "a"}], "slice-closed", "[0]"),
        (by_system("openAtEnd"), [A, B, C, C], [C, A], "slice-not-at-end", "[1]"),
        (by_system("openAtEnd"), [C], [A, C, B], "slice-not-at-end", "[2]"),
        (by_system(ordered=True), [A, A, B], [B, A], "slice-order", "[1]"),
        (by_system(ordered=True), [A, C, B, C], [A, B, C, A], "slice-order", "[3]"),
        (by_system("closed", ordered=True), [A, B], [B, B, A], "slice-order", "[2]"),
    ],
)
def test_how_often_where_and_in_what_order(room, definition, good, bad, message, place):  # noqa: PLR0917
    judge = room()
    assert judge.errors(definition, patient(identifier=good)) == []
    assert judge.errors(definition, patient(identifier=bad)) == [
        (f"profile-{message}", f"Patient.identifier{place}")
    ]


def test_what_holds_of_a_slice_holds_of_its_items_only(room):
    rows = [
        ("Patient.identifier", slicing("value system")),
        ("Patient.identifier", {"sliceName": "a"}),
        ("Patient.identifier.system", {"fixedUri": "urn:a"}),
        ("Patient.identifier.value", {"min": 1}),
    ]
    given = patient(identifier=[{"system": "urn:b"}, {"system": "urn:a"}])
    assert room().errors(profile(*rows), given) == [("profile-min", "Patient.identifier[1].value")]


def sliced(path, discriminators, facts, *inner, type="Observation", rules="closed"):
    rows = [(path, slicing(*discriminators, rules=rules)), (path, {"sliceName": "a", **facts})]
    return profile(*rows, *inner, type=type)


CODING = {"system": "urn:a", "code": "a"}
COMPONENT = {"code": {"coding": [CODING]}, "valueString": "a"}
OTHER = {"code": {"coding": [{"system": "urn:a", "code": "b"}]}, "valueString": "a"}
IN_COMPONENT = "Observation.component"


def concept(*codings):
    return {"code": {"coding": list(codings)}}


@pytest.mark.parametrize(
    ("discriminators", "inner", "member", "other"),
    [
        (["pattern code"], [("code", {"patternCodeableConcept": {"coding": [CODING]}})],
         COMPONENT, OTHER),
        (["value code"], [("code", {"patternCodeableConcept": {"coding": [CODING]}})],
         concept({"code": "x"}, CODING), OTHER),
        (["value code"], [("code", {"fixedCodeableConcept": {"coding": [CODING]}})],
         COMPONENT, concept(CODING, {"code": "b"})),
        (["value code.coding.code"], [("code.coding.code", {"fixedCode": "a"})], COMPONENT, OTHER),
        (["value code.coding.code", "value code.coding.system"],
         [("code.coding.system", {"fixedUri": "urn:a"}), ("code.coding.code", {"fixedCode": "a"})],
         COMPONENT, concept({"system": "urn:b", "code": "a"})),
        (["value code.coding.code"], [("code", {"patternCodeableConcept": {"coding": [CODING]}})],
         COMPONENT, OTHER),
        (["value code"], [("code.coding.code", {"fixedCode": "a"})], COMPONENT, OTHER),
        (["value code"],
         [("code", {"binding": {"strength": "required", "valueSet": COLOURS}})],
         concept({"system": SYSTEM, "code": "r"}), concept({"system": SYSTEM, "code": "x"})),
        (["exists value"], [("value[x]", {"min": 1})], COMPONENT, concept(CODING)),
        (["exists value"], [("value[x]", {"max": "0"})], concept(CODING), COMPONENT),
        (["exists dataAbsentReason"], [("dataAbsentReason", {"min": 1})],
         {**concept(CODING), "dataAbsentReason": {"text": "a"}}, COMPONENT),
        (["type value"], [("value[x]", {"type": [{"code": "string"}]})], COMPONENT,
         {**concept(CODING), "valueInteger": 1}),
        (["type value"], [("value[x]", {"type": [{"code": "Quantity"}, {"code": "integer"}]})],
         {**concept(CODING), "valueInteger": 1}, COMPONENT),
        (["value extension('urn:x').value"],
         [("extension", {"sliceName": "x"}), ("extension.url", {"fixedUri": "urn:x"}),
          ("extension.value[x]", {"fixedCode": "a"})],
         {**COMPONENT, "extension": [{"url": "urn:x", "valueCode": "a"}]},
         {**COMPONENT, "extension": [{"url": "urn:x", "valueCode": "b"}]}),
        (["value value.ofType(string)"], [("value[x]", {"fixedString": "a"})], COMPONENT,
         {**concept(CODING), "valueString": "b"}),
    ],
)  # fmt: skip
def test_discriminators_tell_what_belongs(room, discriminators, inner, member, other):
    rows = [(f"{IN_COMPONENT}.{path}", facts) for path, facts in inner]
    definition = sliced(IN_COMPONENT, discriminators, {}, *rows)
    judge = room()
    assert judge.errors(definition, observation(component=[member])) == []
    assert judge.errors(definition, observation(component=[member, other])) == [
        ("profile-slice-closed", "Observation.component[1]")
    ]


def typed(name, **more):
    return {"type": [{"code": name, **more}]}


def test_entries_are_told_apart_by_the_type_of_their_resource(room):
    entry = ("Bundle.entry.resource", {"min": 1, **typed("Patient")})
    definition = sliced("Bundle.entry", ["type resource"], {"min": 1}, entry, type="Bundle")
    entries = [{"resource": patient()}, {"resource": observation()}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert room().errors(definition, bundle) == [("profile-slice-closed", "Bundle.entry[1]")]
    bundle["entry"] = entries[1:]
    assert [one for one, _ in room().errors(definition, bundle)] == [
        "profile-slice-closed",
        "profile-slice-min",
    ]


def test_entries_are_told_apart_by_the_profile_of_their_resource(room):
    named = profile(("Patient.name", {"min": 1}), name="named")
    entry = ("Bundle.entry.resource", typed("Patient", profile=[OURS + "named"]))
    definition = sliced("Bundle.entry", ["profile resource"], {}, entry, type="Bundle")
    entries = [{"resource": patient(name=[{}])}, {"resource": patient()}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert room(named).errors(definition, bundle) == [("profile-slice-closed", "Bundle.entry[1]")]


@pytest.mark.parametrize(
    ("reference", "belongs"),
    [("Organization/a", True), ("Practitioner/a", False), ("#o", True), ("urn:a:b", False)],
)
def test_references_are_told_apart_by_what_they_point_to(room, reference, belongs):
    facts = typed("Reference", targetProfile=[R4 + "Organization"])
    definition = sliced(
        "Patient.generalPractitioner", ["type $this.resolve()"], facts, type="Patient"
    )
    contained = [{"resourceType": "Organization", "id": "o", "name": "a"}]
    given = patient(contained=contained, generalPractitioner=[{"reference": reference}])
    assert (room().errors(definition, given) == []) == belongs


def test_references_are_told_apart_by_the_profile_of_what_is_contained(room):
    named = profile(("Organization.name", {"min": 1}), type="Organization", name="named")
    facts = typed("Reference", targetProfile=[OURS + "named"])
    definition = sliced(
        "Patient.generalPractitioner", ["profile $this.resolve()"], facts, type="Patient"
    )
    organization = {"resourceType": "Organization", "id": "o", "name": "a"}
    given = patient(contained=[organization], generalPractitioner=[{"reference": "#o"}])
    assert room(named).errors(definition, given) == []
    organization["active"] = organization.pop("name") == "a"
    assert [one for one, _ in room(named).errors(definition, given)] == ["profile-slice-closed"]


@pytest.mark.parametrize(
    ("facts", "value", "message"),
    [
        ({"max": "0"}, {"valueString": "a"}, "profile-slice-max"),
        ({"min": 1}, {}, "profile-slice-min"),
        ({"patternString": "a"}, {"valueString": "b"}, "profile-pattern"),
    ],
)
def test_choices_are_sliced_by_type(room, facts, value, message):
    rows = [
        ("Observation.value[x]", slicing("type $this")),
        ("Observation.value[x]", {"sliceName": "valueString", **typed("string"), **facts}),
    ]
    found = room().errors(profile(*rows, type="Observation"), observation(**value))
    assert [one for one, _ in found] == [message]
    assert room().errors(profile(*rows, type="Observation"), observation(valueInteger=1)) == (
        [("profile-slice-min", "Observation.value")] if "min" in facts else []
    )


def test_a_choice_in_short_is_of_that_type_only(room):
    definition = profile(("Observation.valueQuantity.code", {"min": 1}), type="Observation")
    good = observation(valueQuantity={"value": 1, "code": "kg"})
    assert room().errors(definition, good) == []
    bad = observation(valueQuantity={"value": 1})
    assert room().errors(definition, bad) == [("profile-min", "Observation.value.code")]
    other = observation(valueString="a")
    assert room().errors(definition, other) == [("profile-type", "Observation.value")]


def resliced(**facts):
    return profile(
        ("Patient.identifier", slicing("value system")),
        ("Patient.identifier", {"sliceName": "a", **slicing("value use", rules="closed")}),
        ("Patient.identifier.system", {"fixedUri": "urn:a"}),
        ("Patient.identifier", {"sliceName": "a/official", **facts}),
        ("Patient.identifier.use", {"min": 1, "fixedCode": "official"}),
        ("Patient.identifier", {"sliceName": "a/old"}),
        ("Patient.identifier.use", {"min": 1, "fixedCode": "old"}),
    )


@pytest.mark.parametrize(
    ("facts", "uses", "messages"),
    [
        ({}, ["official", "old"], []),
        ({"min": 1}, ["old"], ["profile-slice-min"]),
        ({"max": "1"}, ["official", "official"], ["profile-slice-max"]),
        ({}, ["temp"], ["profile-slice-closed"]),
    ],
)
def test_slices_are_sliced_again(room, facts, uses, messages):
    given = patient(identifier=[B, *({**A, "use": use} for use in uses)])
    found = room().errors(resliced(**facts), given)
    assert [one for one, _ in found] == messages


def test_what_is_in_no_slice_is_in_the_default_one(room):
    definition = profile(
        ("Patient.identifier", slicing("value system", rules="closed")),
        ("Patient.identifier", {"sliceName": "@default"}),
        ("Patient.identifier.value", {"max": "0"}),
        ("Patient.identifier", {"sliceName": "a"}),
        ("Patient.identifier.system", {"fixedUri": "urn:a"}),
    )
    assert room().errors(definition, patient(identifier=[A, {"system": "urn:x"}])) == []
    assert room().errors(definition, patient(identifier=[A, B])) == [
        ("profile-max", "Patient.identifier[1].value")
    ]


def test_without_a_discriminator_the_content_decides(room):
    definition = sliced("Patient.identifier", [], {}, ("Patient.identifier.value", {"min": 1}),
                        type="Patient")  # fmt: skip
    assert room().errors(definition, patient(identifier=[A])) == []
    assert room().errors(definition, patient(identifier=[{"system": "urn:a"}])) == [
        ("profile-slice-closed", "Patient.identifier[0]")
    ]


@pytest.mark.parametrize("path", ["resolve(", "a..b", "code where(a)", "iif(a,b)", "a + b", "()"])
def test_a_discriminator_that_cannot_be_read_is_refused(room, path):
    rows = [("Patient.identifier", {"slicing": {"discriminator": [{"type": "value", "path": path}],
             "rules": "open"}}), ("Patient.identifier", {"sliceName": "a"})]  # fmt: skip
    with pytest.raises(Exception, match="cannot be read"):
        room().guide.compiled(profile(*rows))


def test_a_profile_on_a_sliced_profile_narrows_its_slices(room):
    base = by_system(a={"max": "3"})
    base["url"] = OURS + "base"
    more = {"path": "Patient.identifier", "id": "Patient.identifier:a", "sliceName": "a",
            "sliceIsConstraining": True, "min": 1}  # fmt: skip
    definition = profile(more, base=OURS + "base")
    assert room(base).errors(definition, patient(identifier=[A])) == []
    assert room(base).errors(definition, patient(identifier=[B])) == [
        ("profile-slice-min", "Patient.identifier")
    ]
    assert room(base).errors(definition, patient(identifier=[A] * 4)) == [
        ("profile-slice-max", "Patient.identifier")
    ]
