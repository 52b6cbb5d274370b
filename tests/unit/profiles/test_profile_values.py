"""Cardinality, types, fixed values, patterns and bounds: good and bad pairs.

Spec: https://hl7.org/fhir/R4/elementdefinition.html
"""

import pytest

from tests.unit.profiles.profiling import OURS, observation, patient, profile

A, B = {"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}
QUANTITY = {"value": 1, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}


def judged(room, element, good, bad, type="Patient"):
    definition = profile(element, type=type)
    made = patient if type == "Patient" else observation
    assert room().errors(definition, made(**good)) == []
    return room().errors(definition, made(**bad))


@pytest.mark.parametrize(
    ("path", "facts", "good", "bad", "message", "place"),
    [
        ("name", {"min": 1}, {"name": [{}]}, {}, "min", "name"),
        ("name", {"min": 2}, {"name": [{}, {}]}, {"name": [{}]}, "min", "name"),
        ("name", {"max": "1"}, {"name": [{}]}, {"name": [{}, {}]}, "max", "name"),
        ("name", {"max": "0"}, {}, {"name": [{}]}, "max", "name"),
        ("gender", {"min": 1}, {"gender": "male"}, {}, "min", "gender"),
        ("gender", {"min": 1}, {"_gender": {"id": "a"}}, {}, "min", "gender"),
        ("gender", {"max": "0"}, {}, {"gender": "male"}, "max", "gender"),
        ("gender", {"max": "0"}, {}, {"_gender": {"id": "a"}}, "max", "gender"),
        ("deceased[x]", {"min": 1}, {"deceasedBoolean": False}, {}, "min", "deceased"),
        ("deceased[x]", {"min": 1}, {"deceasedDateTime": "2020"}, {}, "min", "deceased"),
        ("name.family", {"min": 1}, {"name": [{"family": "a"}]}, {"name": [{"text": "a"}]},
         "min", "name[0].family"),
        ("name.family", {"min": 1}, {}, {"name": [{"family": "a"}, {"text": "b"}]},
         "min", "name[1].family"),
        ("name.given", {"max": "1"}, {"name": [{"given": ["a"]}]},
         {"name": [{"given": ["a", "b"]}]}, "max", "name[0].given"),
        ("contact.name.text", {"min": 1}, {"contact": [{"gender": "male"}]},
         {"contact": [{"name": {"family": "a"}}]}, "min", "contact[0].name.text"),
        ("contact.name", {"min": 1}, {"contact": [{"name": {"text": "a"}}]},
         {"contact": [{"gender": "male"}]}, "min", "contact[0].name"),
        ("meta.profile", {"min": 1}, {"meta": {"profile": ["urn:a"]}},
         {"meta": {"source": "urn:a"}}, "min", "meta.profile"),
        ("link", {"max": "0"}, {}, {"link": [{"type": "seealso", "other": {"display": "a"}}]},
         "max", "link"),
        ("birthDate.extension", {"min": 1},
         {"_birthDate": {"extension": [{"url": "urn:a", "valueCode": "a"}]}},
         {"birthDate": "2020"}, "min", "birthDate.extension"),
    ],
)  # fmt: skip
def test_cardinality(room, path, facts, good, bad, message, place):  # noqa: PLR0917
    found = judged(room, ("Patient." + path, facts), good, bad)
    assert found == [(f"profile-{message}", f"Patient.{place}")]


@pytest.mark.parametrize(
    ("path", "codes", "good", "bad", "place"),
    [
        ("deceased[x]", ["boolean"], {"deceasedBoolean": True}, {"deceasedDateTime": "2020"},
         "deceased"),
        ("deceased[x]", ["dateTime"], {"deceasedDateTime": "2020"}, {"deceasedBoolean": True},
         "deceased"),
        ("multipleBirth[x]", ["integer"], {"multipleBirthInteger": 1},
         {"multipleBirthBoolean": True}, "multipleBirth"),
        ("multipleBirth[x]", ["boolean", "integer"], {"multipleBirthInteger": 1}, None, None),
        ("contained", ["Organization"], {"contained": [{"resourceType": "Organization"}]},
         {"contained": [{"resourceType": "Practitioner"}]}, "contained[0]"),
        ("contained", ["DomainResource"], {"contained": [{"resourceType": "Organization"}]},
         {"contained": [{"resourceType": "Binary", "contentType": "a/b"}]}, "contained[0]"),
    ],
)  # fmt: skip
def test_types(room, path, codes, good, bad, place):  # noqa: PLR0917
    element = ("Patient." + path, {"type": [{"code": one} for one in codes]})
    found = judged(room, element, good, bad or good)
    assert found == ([("profile-type", f"Patient.{place}")] if bad else [])


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("valueString", "a", "b"),
        ("valueString", "a", "A"),
        ("valueString", "a", "a "),
        ("valueBoolean", True, False),
        ("valueInteger", 1, 2),
        ("valueInteger", 0, 1),
        ("valueDateTime", "2020-01-01", "2020-01"),
        ("valueTime", "10:00:00", "10:00:01"),
        ("valueQuantity", QUANTITY, {**QUANTITY, "value": 2}),
        ("valueQuantity", QUANTITY, {**QUANTITY, "comparator": "<"}),
        ("valueQuantity", QUANTITY, {key: QUANTITY[key] for key in ("value", "unit")}),
        ("valueCodeableConcept", {"coding": [A | {"code": "a"}]}, {"coding": [B | {"code": "a"}]}),
        ("valueCodeableConcept", {"coding": [{"code": "a"}]},
         {"coding": [{"code": "a"}, {"code": "b"}]}),
        ("valueCodeableConcept", {"text": "a"}, {"text": "a", "coding": [{"code": "a"}]}),
        ("valuePeriod", {"start": "2020"}, {"start": "2020", "end": "2021"}),
        ("valueRatio", {"numerator": {"value": 1}}, {"denominator": {"value": 1}}),
        ("valueRange", {"low": {"value": 1}}, {"low": {"value": 1.5}}),
    ],
)  # fmt: skip
def test_fixed_values_are_equal_in_all(room, name, value, other):
    element = ("Observation.value[x]", {"fixed" + name[5:]: value})
    found = judged(room, element, {name: value}, {name: other}, "Observation")
    assert found == [("profile-fixed", "Observation.value")]


CODING, LONGER = {"system": "urn:a", "code": "a"}, {"system": "urn:a", "code": "a", "display": "A"}


@pytest.mark.parametrize(
    ("name", "pattern", "good", "bad"),
    [
        ("valueString", "a", "a", "ab"),
        ("valueInteger", 1, 1, 11),
        ("valueBoolean", True, True, False),
        ("valueCodeableConcept", {"coding": [CODING]}, {"coding": [LONGER]}, {"coding": []}),
        ("valueCodeableConcept", {"coding": [CODING]}, {"coding": [CODING], "text": "a"},
         {"text": "a"}),
        ("valueCodeableConcept", {"coding": [CODING]}, {"coding": [{"code": "x"}, LONGER]},
         {"coding": [{"code": "a"}]}),
        ("valueCodeableConcept", {"coding": [CODING, {"code": "b"}]},
         {"coding": [{"code": "b"}, CODING]}, {"coding": [CODING]}),
        ("valueCodeableConcept", {"coding": [CODING]}, {"coding": [CODING]},
         {"coding": [{"system": "urn:a"}, {"code": "a"}]}),
        ("valueCodeableConcept", {"text": "a"}, {"coding": [CODING], "text": "a"},
         {"coding": [CODING]}),
        ("valueQuantity", {"code": "kg"}, QUANTITY, {**QUANTITY, "code": "g"}),
        ("valueQuantity", {"code": "kg", "system": "http://unitsofmeasure.org"}, QUANTITY,
         {"value": 1, "code": "kg"}),
        ("valuePeriod", {"start": "2020"}, {"start": "2020", "end": "2021"}, {"end": "2021"}),
        ("valueRange", {"low": {"value": 1}}, {"low": {"value": 1.0, "unit": "a"}},
         {"low": {"unit": "a"}}),
    ],
)  # fmt: skip
def test_patterns_are_contained(room, name, pattern, good, bad):
    element = ("Observation.value[x]", {"pattern" + name[5:]: pattern})
    found = judged(room, element, {name: good}, {name: bad}, "Observation")
    assert found == [("profile-pattern", "Observation.value")]


@pytest.mark.parametrize(
    ("path", "facts", "good", "bad", "message"),
    [
        ("name.text", {"maxLength": 3}, {"name": [{"text": "abc"}]}, {"name": [{"text": "abcd"}]},
         "length"),
        ("name.text", {"maxLength": 2}, {"name": [{"text": "张三"}]},
         {"name": [{"text": "司马相如"}]}, "length"),
        ("birthDate", {"minValueDate": "1900-01-01"}, {"birthDate": "1900-01-01"},
         {"birthDate": "1899-12-31"}, "bound"),
        ("birthDate", {"maxValueDate": "2000-01-01"}, {"birthDate": "1999-12-31"},
         {"birthDate": "2000-01-02"}, "bound"),
        ("multipleBirth[x]", {"minValueInteger": 1}, {"multipleBirthInteger": 1},
         {"multipleBirthInteger": 0}, "bound"),
        ("multipleBirth[x]", {"maxValueInteger": 9}, {"multipleBirthInteger": 9},
         {"multipleBirthInteger": 10}, "bound"),
    ],
)  # fmt: skip
def test_lengths_and_bounds(room, path, facts, good, bad, message):  # noqa: PLR0917
    found = judged(room, ("Patient." + path, facts), good, bad)
    assert [one for one, _ in found] == [f"profile-{message}"]


@pytest.mark.parametrize(
    ("targets", "reference", "is_good"),
    [
        (["Organization"], {"reference": "Organization/a"}, True),
        (["Organization"], {"reference": "Organization/a/_history/1"}, True),
        (["Organization"], {"reference": "https://a.example/fhir/Organization/a"}, True),
        (["Organization"], {"reference": "Practitioner/a"}, False),
        (["Organization"], {"reference": "https://a.example/fhir/Practitioner/a"}, False),
        (["Organization"], {"type": "Practitioner", "display": "a"}, False),
        (["Organization"], {"type": "Organization", "display": "a"}, True),
        (["Organization"], {"display": "a"}, True),
        (["Organization"], {"reference": "urn:uuid:6e3c4c2e-26b6-4b31-8f1a-0a2f3ad6a5b1"}, True),
        (["Organization", "Practitioner"], {"reference": "Practitioner/a"}, True),
        (["Resource"], {"reference": "Practitioner/a"}, True),
        (["Organization"], {"reference": "#o"}, True),
        (["Practitioner"], {"reference": "#o"}, False),
    ],
)
def test_targets_of_references_are_of_the_types(room, targets, reference, is_good):
    urls = [f"http://hl7.org/fhir/StructureDefinition/{one}" for one in targets]
    typed = {"type": [{"code": "Reference", "targetProfile": urls}]}
    contained = [{"resourceType": "Organization", "id": "o", "name": "a"}]
    given = patient(contained=contained, generalPractitioner=[reference])
    found = room().errors(profile(("Patient.generalPractitioner", typed)), given)
    assert found == ([] if is_good else [("profile-target", "Patient.generalPractitioner[0]")])


def test_contained_targets_conform_to_the_profile_of_the_target(room):
    named = profile(("Organization.name", {"min": 1}), type="Organization", name="named")
    typed = {"type": [{"code": "Reference", "targetProfile": [OURS + "named"]}]}
    definition = profile(("Patient.managingOrganization", typed))
    nameless = {"resourceType": "Organization", "id": "o", "active": True}
    given = patient(contained=[nameless], managingOrganization={"reference": "#o"})
    assert room(named).errors(definition, given) == [
        ("profile-min", "Patient.managingOrganization.name")
    ]
    given["contained"][0]["name"] = "a"
    assert room(named).errors(definition, given) == []


def test_a_profile_is_of_its_type(room):
    assert room().errors(profile(), observation()) == [("profile-of-other-type", "Observation")]


def test_what_must_be_supported_is_told_if_asked(room):
    definition = profile(("Patient.name", {"mustSupport": True}))
    assert room().issues(definition, patient()) == []
    assert room().issues(definition, patient(), tells_support=True) == [
        ("information", "profile-must-support", "Patient.name")
    ]
    assert room().issues(definition, patient(name=[{}]), tells_support=True) == []
