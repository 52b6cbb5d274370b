"""R1.8b 最少够用: what is hidden or masked goes out in no way."""

import orjson
import pytest

from server.access.policy import Masks
from server.fhir.outcome import Forbidden
from server.interactions.redaction import require_whole, shown, stars

PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "text": {"status": "generated", "div": "<div>甲子 110101199003070011</div>"},
    "extension": [{"url": "urn:x", "valueString": "110101199003070011"}],
    "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": "110101199003070011"}],
    "name": [{"use": "official", "text": "陈甲子", "family": "陈", "given": ["甲子"]}],
    "telecom": [{"system": "phone", "value": "13800005678", "use": "mobile"}],
    "_birthDate": {"extension": [{"url": "urn:t", "valueTime": "08:00:00"}]},
    "birthDate": "1990-03-07",
    "address": [{"text": "一号", "line": ["一号"], "city": "漳州市", "state": "福建省"}],
    "contained": [{"resourceType": "Patient", "id": "b", "birthDate": "1960-01-01"}],
}


class _Access:
    def __init__(self, masks):
        self.masks = masks


class _Context:
    def __init__(self, **masks):
        self.access = _Access({type: Masks(*map(frozenset, of)) for type, of in masks.items()})


def seen(resource, **masks):
    type = resource["resourceType"]
    return orjson.loads(shown(_Context(**masks), type, orjson.dumps(resource)))


def test_without_masks_bytes_stay_as_they_are():
    body = b'{"resourceType":"Patient",  "multipleBirthInteger":1.0}'
    assert shown(_Context(), "Patient", body) is body


def test_what_is_hidden_is_not_there_and_no_narrative_tells_it():
    told = seen(PATIENT, Patient=(["identifier", "birthDate", "extension"], []))
    assert not {"identifier", "birthDate", "_birthDate", "text", "extension"} & told.keys()
    assert "110101199003070011" not in str(told)
    assert told["contained"] == [{"resourceType": "Patient", "id": "b"}]
    assert told["name"] == PATIENT["name"]


def test_what_is_masked_is_shown_in_part():
    told = seen(
        PATIENT, Patient=(["extension"], ["identifier", "telecom", "address", "name", "birthDate"])
    )
    assert told["identifier"][0]["value"] == "110101********0011"
    assert told["identifier"][0]["system"] == "urn:oid:2.16.156.10011.1.3"
    assert told["telecom"][0]["value"] == "138****5678"
    assert told["telecom"][0]["system"] == "phone"
    assert told["name"] == [{"use": "official", "text": "陈**"}]
    assert told["birthDate"] == "1990"
    assert told["address"] == [{"city": "漳州市", "state": "福建省"}]
    for secret in ("甲子", "19900307", "一号", "1380000"):
        assert secret not in str(told)


def test_a_reference_does_not_tell_what_its_target_hides():
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": "Patient/a", "display": "陈甲子", "identifier": {"value": "1"}},
        "performer": [{"reference": "Practitioner/p", "display": "乙"}],
        "valueQuantity": {"value": 1.50},
    }
    told = seen(observation, Patient=([], ["name", "identifier"]))
    assert told["subject"] == {"reference": "Patient/a"}
    assert told["performer"] == observation["performer"]


def test_a_choice_is_hidden_by_its_stem():
    observation = {"resourceType": "Observation", "valueQuantity": {"value": 1}, "status": "final"}
    assert "valueQuantity" not in seen(observation, Observation=(["value"], []))


def test_digits_stay_as_they_are_stored():
    body = b'{"resourceType":"Observation","valueQuantity":{"value":1.50},"note":[{"text":"x"}]}'
    assert b"1.50" in shown(_Context(Observation=(["note"], [])), "Observation", body)


def test_who_does_not_see_all_does_not_overwrite_it():
    with pytest.raises(Forbidden):
        require_whole(_Context(Patient=([], ["name"])), "Patient")
    require_whole(_Context(Patient=([], ["name"])), "Observation")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("110101199003070011", "110101********0011"),
        ("13800005678", "138****5678"),
        ("abc", "a**"),
        ("", ""),
        ("甲", "*"),
    ],
)
def test_part_of_a_text(text, part):
    assert stars(text) == part
