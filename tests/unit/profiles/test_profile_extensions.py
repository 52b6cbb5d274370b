"""Extensions: known ones against their definition, unknown ones told, modifiers never unknown.

Spec: https://hl7.org/fhir/R4/extensibility.html
"""

import pytest

from tests.unit.profiles.profiling import OURS, extension, observation, patient, profile

E = OURS + "e"


def of_string(**more):
    return extension(("Extension.value[x]", {"min": 1, "type": [{"code": "string"}]}), **more)


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ({"valueString": "a"}, []),
        ({"valueInteger": 1}, ["profile-type"]),
        ({"extension": [{"url": "x", "valueString": "a"}]}, ["profile-min"]),
    ],
)
def test_a_known_extension_is_held_to_its_definition(room, content, messages):
    found = room(of_string()).errors(profile(), patient(extension=[{"url": E, **content}]))
    assert [one for one, _ in found] == messages


@pytest.mark.parametrize(
    ("context", "resource", "is_good"),
    [
        ("Patient", lambda one: patient(extension=[one]), True),
        ("Patient", lambda one: patient(name=[{"extension": [one]}]), False),
        ("Patient.name", lambda one: patient(name=[{"extension": [one]}]), True),
        ("HumanName", lambda one: patient(name=[{"extension": [one]}]), True),
        ("HumanName", lambda one: patient(contact=[{"name": {"extension": [one]}}]), True),
        ("Patient.contact", lambda one: patient(contact=[{"extension": [one]}]), True),
        (
            "Patient.contact.name",
            lambda one: patient(contact=[{"name": {"extension": [one]}}]),
            True,
        ),
        ("Patient.birthDate", lambda one: patient(_birthDate={"extension": [one]}), True),
        ("Patient.gender", lambda one: patient(_birthDate={"extension": [one]}), False),
        ("DomainResource", lambda one: patient(extension=[one]), True),
        ("Resource", lambda one: patient(extension=[one]), True),
        ("Element", lambda one: patient(name=[{"extension": [one]}]), True),
        ("Element", lambda one: patient(extension=[one]), False),
        ("Observation", lambda one: patient(extension=[one]), False),
        ("Observation", lambda one: patient(contained=[observation(extension=[one])]), True),
        ("Observation.component", lambda one: observation(component=[{"extension": [one]}]), True),
    ],
)
def test_an_extension_is_where_its_context_says(room, context, resource, is_good):
    value = {"url": E, "valueString": "a"}
    given = resource(value)
    definition = profile(type=given["resourceType"])
    found = room(of_string(context=context)).errors(definition, given)
    assert [one for one, _ in found] == ([] if is_good else ["extension-misplaced"])


def test_an_extension_may_be_for_another_extension_only(room):
    inner = of_string(context=E, kind="extension", name="inner")
    outer = extension()
    value = {"url": OURS + "inner", "valueString": "a"}
    within = patient(extension=[{"url": E, "extension": [value]}])
    assert room(inner, outer).errors(profile(), within) == []
    alone = patient(extension=[value])
    assert [one for one, _ in room(inner, outer).errors(profile(), alone)] == [
        "extension-misplaced"
    ]


@pytest.mark.parametrize(
    ("where", "severity", "message"),
    [
        ("extension", "information", "extension-unknown"),
        ("modifierExtension", "error", "extension-modifier-unknown"),
    ],
)
def test_an_unknown_extension_is_told_an_unknown_modifier_is_refused(
    room, where, severity, message
):
    given = patient(**{where: [{"url": "urn:x", "valueString": "a"}]})
    assert room().issues(profile(), given) == [(severity, message, f"Patient.{where}[0]")]


@pytest.mark.parametrize(
    ("is_modifier", "where", "is_good"),
    [
        (True, "modifierExtension", True),
        (True, "extension", False),
        (False, "modifierExtension", False),
        (False, "extension", True),
    ],
)
def test_a_modifier_is_where_modifiers_are(room, is_modifier, where, is_good):
    definition = of_string()
    definition["differential"]["element"][0]["isModifier"] = is_modifier
    given = patient(**{where: [{"url": E, "valueString": "a"}]})
    found = room(definition).errors(profile(), given)
    assert [one for one, _ in found] == ([] if is_good else ["extension-misplaced"])


def test_what_is_inside_an_extension_is_sliced_by_its_url(room):
    rows = []
    for name, facts in (("a", {"min": 1, "max": "1"}), ("b", {"max": "1"})):
        rows.append(("Extension.extension", {"sliceName": name, **facts}))
        rows.append(("Extension.extension.url", {"fixedUri": name}))
        rows.append(("Extension.extension.value[x]", {"type": [{"code": "string"}]}))
    judge = room(extension(*rows))

    def found(*urls):
        inner = [{"url": url, "valueString": "a"} for url in urls]
        return judge.errors(profile(), patient(extension=[{"url": E, "extension": inner}]))

    assert found("a") == found("a", "b") == found("b", "a") == []
    assert [one for one, _ in found("b")] == ["profile-slice-min"]
    assert [one for one, _ in found("a", "b", "b")] == ["profile-slice-max"]


def test_how_often_an_extension_is_there_a_profile_says(room):
    typed = {"sliceName": "e", "min": 1, "max": "1",
             "type": [{"code": "Extension", "profile": [E]}]}  # fmt: skip
    definition = profile(("Patient.extension", typed))
    value = {"url": E, "valueString": "a"}
    judge = room(of_string())
    assert judge.errors(definition, patient(extension=[value])) == []
    assert judge.errors(definition, patient()) == [("profile-slice-min", "Patient.extension")]
    assert judge.errors(definition, patient(extension=[value, value])) == [
        ("profile-slice-max", "Patient.extension")
    ]


def test_the_extensions_of_r4_are_known(room):
    nationality = "http://hl7.org/fhir/StructureDefinition/patient-nationality"
    given = patient(extension=[{"url": nationality, "valueString": "a"}])
    assert room().errors(profile(), given) == [("profile-max", "Patient.extension[0].value")]
