"""Own search parameters of Patient, and an index that may have them."""

import pytest

from server.profiles import own_parameters
from server.search import own
from server.search.index import SearchIndex
from tests.unit.search.conftest import BASE, ZONE

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "陈", "given": ["甲子"]}],
    "maritalStatus": {"coding": [{"system": "urn:m", "code": "S"}]},
    "birthDate": "1984-02-02",
    "multipleBirthInteger": 2,
    "generalPractitioner": [{"reference": "Practitioner/a"}],
    "extension": [{"url": "urn:village", "valueString": "桃花村"}],
}


def resource(**elements):
    """Return an active SearchParameter of Patient."""
    return {
        "resourceType": "SearchParameter",
        "id": "own",
        "url": "urn:own",
        "name": "Own",
        "status": "active",
        "description": "Own",
        "code": "own",
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.maritalStatus",
        **elements,
    }


def fact(**elements):
    return own_parameters.read(resource(**elements))


@pytest.fixture
def index(facts):
    return SearchIndex(facts, ZONE, BASE)


@pytest.fixture
def plans(index):
    return index.plans


def messages(plans, parameter, beside=None):
    return [
        issue.message.removeprefix("own-parameter-")
        for issue in own.faults(plans, parameter, beside or {})
    ]


def component(definition, expression):
    return {
        "definition": f"http://hl7.org/fhir/SearchParameter/{definition}",
        "expression": expression,
    }


SOUND = [
    {},
    {"type": "string", "expression": "Patient.extension('urn:village')"},
    {"type": "number", "expression": "Patient.multipleBirth"},
    {"type": "date", "expression": "Patient.birthDate"},
    {"type": "reference", "expression": "Patient.generalPractitioner", "target": ["Practitioner"]},
    {"type": "quantity", "base": ["Observation"], "expression": "Observation.value"},
    {"type": "uri", "base": ["Resource"], "expression": "Resource.implicitRules"},
    {"base": ["DomainResource"], "expression": "DomainResource.text.status"},
    {"base": ["Patient", "Person"], "expression": "Patient.gender | Person.gender"},
    {"expression": "Patient.contact.where(gender = 'male').relationship"},
    {
        "type": "composite",
        "base": ["Observation"],
        "expression": "Observation.component",
        "component": [
            component("clinical-code", "code"),
            component("Observation-value-quantity", "value"),
        ],
    },
]
