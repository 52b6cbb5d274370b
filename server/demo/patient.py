"""A resident as a Patient, with a parent as RelatedPerson for a child.

Spec: https://hl7.org/fhir/R4/patient.html
"""

from random import Random
from typing import Any

from server.demo.institutions import Institution
from server.demo.person import Name, Person, draw_name
from server.demo.places import place
from server.demo.shapes import (
    NATIONAL,
    V3,
    coding,
    concept,
    identifier,
    reference,
    resource,
    terminology,
)
from server.demo.tables import People
from server.fhir.json import Resource

OF_AGE = 18
_REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
# GB/T 2261.2 to v3-MaritalStatus.
_MARITAL = {"10": ("S", "未婚"), "20": ("M", "已婚"), "30": ("W", "丧偶"), "40": ("D", "离婚")}


def patient(random: Random, person: Person, centre: Institution) -> Resource:
    """Return the Patient; `centre` is the health centre that keeps the resident's record."""
    doctor, doctor_name = centre.staff[0]
    return resource(
        "Patient",
        person.id,
        identifier=_identifiers(person, centre),
        active=True,
        name=names(person.name),
        telecom=[{"system": "phone", "value": person.phone, "use": "mobile"}],
        gender=person.sex,
        birthDate=person.born.isoformat(),
        address=[{"use": "home", **place(person.township, person.street)}],
        maritalStatus=_marital_status(random, person.age),
        communication=[
            {"language": concept("中文", coding("urn:ietf:bcp:47", "zh-CN")), "preferred": True}
        ],
        generalPractitioner=[reference("Practitioner", doctor, doctor_name.text)],
        managingOrganization=reference("Organization", centre.id, centre.name),
    )


def names(name: Name) -> list[dict[str, Any]]:
    """Return `name` in characters, then in pinyin."""
    return [
        {
            "extension": [{"url": _REPRESENTATION, "valueCode": "IDE"}],
            "use": "official",
            "text": name.text,
            "family": name.family,
            "given": [name.given],
        },
        {
            "extension": [{"url": _REPRESENTATION, "valueCode": "ABC"}],
            "use": "usual",
            "text": f"{name.family_pinyin} {name.given_pinyin}",
            "family": name.family_pinyin,
            "given": [name.given_pinyin],
        },
    ]


def guardian(random: Random, child: Person, people: People) -> Resource | None:
    """Return a parent of `child` as RelatedPerson, None if the resident is of age."""
    if child.age >= OF_AGE:
        return None
    father = random.random() < 0.4
    name = draw_name(random, people, child.name.family if father else None)
    code, display, national, text = (
        ("FTH", "father", "51", "父亲") if father else ("MTH", "mother", "52", "母亲")
    )
    kinship = concept(
        text,
        coding(f"{V3}RoleCode", code, display),
        coding(f"{NATIONAL}.2.3.3.8", national, text),
    )
    return resource(
        "RelatedPerson",
        f"{child.id}-guardian",
        active=True,
        patient=reference("Patient", child.id),
        relationship=[kinship, concept("监护人", coding(f"{V3}RoleCode", "GUARD", "guardian"))],
        name=names(name),
        telecom=[{"system": "phone", "value": child.phone, "use": "mobile"}],
        gender="male" if father else "female",
        address=[{"use": "home", **place(child.township, child.street)}],
    )


def _identifiers(person: Person, centre: Institution) -> list[dict[str, Any]]:
    types = "http://terminology.hl7.org/CodeSystem/v2-0203"
    card = concept(
        "居民身份证号",
        coding(types, "NI", "National unique individual identifier"),
        coding(f"{NATIONAL}.2.3.1.1", "01", "居民身份证"),
    )
    record = concept("居民健康档案编号", coding(types, "MR", "Medical record number"))
    return [
        {"use": "official", "type": card, **identifier("1.3", person.identity_number)},
        {
            "use": "official",
            "type": record,
            **identifier("1.2", person.record_number),
            "assigner": reference("Organization", centre.id, centre.name),
        },
    ]


def _marital_status(random: Random, age: int) -> dict[str, Any]:
    draw = random.random()
    if age < 22 or draw < max(0.0, (38 - age) / 16) or draw < 0.04:
        code = "10"
    elif age >= 60 and draw > 1 - (age - 58) / 60:
        code = "30"
    elif draw > 0.97:
        code = "40"
    else:
        code = "20"
    international, text = _MARITAL[code]
    return concept(
        text,
        *terminology("v3-MaritalStatus", international)["coding"],
        coding(f"{NATIONAL}.2.3.3.5", code, text),
    )
