"""R1.8b 最少够用: what is hidden or masked goes out in no way."""

import orjson
import pytest

from server.access.policy import Masks
from server.profiles.masking import Masking
from tests.unit.profiles.good_resources import GOOD
from tests.unit.profiles.taking_out import each_element_is_out

CARD = "110101199003070011"
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "text": {"status": "generated", "div": f"<div>甲子 {CARD}</div>"},
    "extension": [{"url": "urn:x", "valueString": CARD}],
    "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": CARD}],
    "name": [{"use": "official", "text": "陈甲子", "family": "陈", "given": ["甲子"]}],
    "telecom": [{"system": "phone", "value": "13800005678", "use": "mobile"}],
    "_birthDate": {"extension": [{"url": "urn:t", "valueTime": "08:00:00"}]},
    "birthDate": "1990-03-07",
    "address": [{"text": "一号", "line": ["一号"], "city": "漳州市", "state": "福建省"}],
    "contained": [{"resourceType": "Patient", "id": "b", "birthDate": "1960-01-01"}],
}
SUBJECT = {"display": "陈甲子", "identifier": {"value": CARD}}


@pytest.fixture(scope="module")
def masking(definitions):
    return Masking.of(definitions)


@pytest.fixture
def seen(masking):
    """Return a function from a resource and masks, by type, to what is seen of it."""

    def seen(resource, **masks):
        of = {type: Masks(*map(frozenset, both)) for type, both in masks.items()}
        return orjson.loads(masking.shown(of, orjson.dumps(resource)))

    return seen


def observation(**elements):
    return {"resourceType": "Observation", "status": "final", **elements}


def test_what_is_shown_whole_keeps_its_bytes(masking):
    body = b'{"resourceType":"Patient",  "multipleBirthInteger":1.0}'
    assert masking.shown({"Practitioner": Masks(frozenset({"name"}))}, body) is body


def test_what_is_hidden_is_not_there_and_no_narrative_tells_it(seen):
    told = seen(PATIENT, Patient=(["identifier", "birthDate", "extension"], []))
    assert not {"identifier", "birthDate", "_birthDate", "text", "extension"} & told.keys()
    assert CARD not in str(told)
    assert told["contained"] == [{"resourceType": "Patient", "id": "b"}]
    assert told["name"] == PATIENT["name"]


def test_what_is_masked_is_shown_in_part(seen):
    told = seen(
        PATIENT, Patient=(["extension"], ["identifier", "telecom", "address", "name", "birthDate"])
    )
    assert told["identifier"][0]["value"] == "110101********0011"
    assert told["telecom"][0]["value"] == "138****5678"
    assert told["name"] == [{"use": "official", "text": "陈**"}]
    assert told["birthDate"] == "1990"
    assert "_birthDate" not in told
    assert told["address"] == [{"city": "漳州市", "state": "福建省"}]
    for secret in ("甲子", "19900307", "一号", "1380000"):
        assert secret not in str(told)


def test_an_element_is_masked_by_its_type_and_not_by_its_name(seen):
    organization = {"resourceType": "Organization", "name": "漳州市医院", "active": True}
    told = seen(organization, Organization=([], ["name", "active"]))
    assert told == {"resourceType": "Organization", "name": "漳**"}


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"valueQuantity": {"value": 1.50}}, {}),
        ({"valueBoolean": True}, {}),
        ({"valueInteger": 0}, {}),
        ({"valueCodeableConcept": {"text": "阳性"}}, {}),
        ({"valueString": "阳性"}, {"valueString": "阳**"}),
        ({"valueDateTime": "2024-03-01"}, {"valueDateTime": "2024"}),
    ],
)
def test_what_has_no_partial_form_is_left_out(seen, value, part):
    assert seen(observation(**value), Observation=([], ["value"])) == observation(**part)


def test_of_a_backbone_element_what_has_a_partial_form_is_shown(seen):
    contact = {
        "id": "c",
        "name": {"text": "李乙"},
        "gender": "male",
        "telecom": [{"value": "13800005678"}],
        "organization": {"reference": "Organization/o"},
    }
    patient = {"resourceType": "Patient", "contact": [contact, {"gender": "male"}]}
    told = seen(patient, Patient=([], ["contact"]))
    assert told["contact"] == [{"name": {"text": "李**"}, "telecom": [{"value": "138****5678"}]}]


def test_a_hidden_element_is_not_shown_in_part(seen):
    patient = {"resourceType": "Patient", "birthDate": "1990-03-07"}
    assert "birthDate" not in seen(patient, Patient=(["birthDate"], ["birthDate"]))


@pytest.mark.parametrize(
    "said",
    [
        {"reference": "Patient/a"},
        {"reference": "https://other.test/fhir/Patient/a/_history/2"},
        {"type": "Patient"},
        {"type": "http://hl7.org/fhir/StructureDefinition/Patient"},
        {"reference": "#p1"},
        {"reference": "urn:uuid:0b8d1f4e-9a53-4b9c-8d5f-0a7f6a4c1e21"},
        {"reference": "Group/g", "type": "Patient"},
        {"type": "Unheard"},
        {},
    ],
)
def test_a_reference_does_not_tell_what_its_target_hides(seen, said):
    body = observation(subject={**said, **SUBJECT, "_display": {"id": "d"}})
    told = seen(body, Patient=([], ["name", "identifier"]))
    assert told["subject"] == said


@pytest.mark.parametrize("said", [{"reference": "Group/g"}, {"type": "Device"}])
def test_a_reference_tells_what_its_target_shows(seen, said):
    body = observation(subject={**said, **SUBJECT})
    assert seen(body, Patient=([], ["name", "identifier"])) == body


def test_an_element_that_cannot_refer_to_a_person_tells_its_target(seen):
    body = observation(specimen={"display": "血"}, device={"reference": "#d", "display": "计"})
    assert seen(body, Patient=([], ["name"])) == body


def test_a_display_goes_with_any_masked_element_and_a_number_with_numbers(seen):
    told = seen(observation(subject=SUBJECT), Patient=(["birthDate"], []))
    assert told["subject"] == {"identifier": {"value": CARD}}


def test_references_in_extensions_and_data_types_are_seen_to(seen):
    reference = {"reference": "Patient/a", **SUBJECT}
    body = observation(
        extension=[{"url": "urn:x", "valueReference": reference}],
        _status={"extension": [{"url": "urn:x", "valueReference": reference}]},
        note=[{"text": "好", "authorReference": reference}],
    )
    assert "陈甲子" not in str(seen(body, Patient=(["name"], [])))


def test_a_name_in_the_place_of_a_reference_is_left_out(seen):
    """Annotation.author is a reference or a text; an answer to a question names nobody."""
    item = [{"linkId": "1", "answer": [{"valueString": "好"}]}]
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": item}
    body = observation(note=[{"text": "好", "authorString": "陈甲子"}])
    assert seen(body, Patient=(["name"], [])) == observation(note=[{"text": "好"}])
    assert seen(body, Device=([], ["note"])) == body
    assert seen(answers, Patient=(["name"], [])) == answers


def test_narratives_of_what_can_be_about_a_masked_person_are_left_out(seen):
    text = {"status": "generated", "div": "<div>陈甲子</div>"}
    document = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": observation(text=text)},
            {"resource": {"resourceType": "Composition", "text": text,
                          "section": [{"title": "诊断", "text": text}]}},
            {"resource": {"resourceType": "Organization", "text": text}},
        ],
    }  # fmt: skip
    first, second, third = seen(document, Patient=([], ["name"]))["entry"]
    assert first["resource"] == observation()
    assert second["resource"] == {"resourceType": "Composition", "section": [{"title": "诊断"}]}
    assert third["resource"]["text"] == text


def test_digits_stay_as_they_are_stored(masking):
    body = b'{"resourceType":"Observation","valueQuantity":{"value":1.50},"note":[{"text":"x"}]}'
    masks = {"Observation": Masks(frozenset({"note"}))}
    assert masking.shown(masks, body) == (
        b'{"resourceType":"Observation","valueQuantity":{"value":1.50}}'
    )


@pytest.mark.parametrize("how", ["hidden", "masked"])
def test_every_element_of_a_good_resource_can_be_taken_out(masking, how):
    for resource in GOOD:
        each_element_is_out(masking, resource, how)
