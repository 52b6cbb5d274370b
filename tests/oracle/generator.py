"""Small random worlds: some sixty resources of the types that point at one another."""

from random import Random

from tests.oracle.parts import (
    ABSENT,
    CODES,
    COUNTS,
    DATES,
    DAYS,
    GIVENS,
    NUMBERS,
    NUMERALS,
    TEXTS,
    UCUM,
    URLS,
    Json,
    Maker,
)


def world(random: Random, base: str) -> list[Json]:
    """Return the resources of one small world, each with an id."""
    maker = Maker(random, base)
    found = []
    for type, make in _MAKERS.items():
        for number in range(COUNTS[type]):
            resource = {"resourceType": type, "id": f"{type.lower()}-{number}", **make(maker)}
            meta = maker.meta()
            found.append(resource | ({"meta": meta} if meta else {}))
    return found


def _patient(m: Maker) -> Json:
    found = m.some(
        identifier=m.many(m.identifier),
        name=m.many(m.name),
        gender=m.one(("male", "female", "unknown")),
        birthDate=m.one(DAYS),
        address=m.many(m.address),
        active=m.one((True, False)),
        generalPractitioner=[m.reference("Practitioner", "Organization")],
        managingOrganization=m.reference("Organization"),
        link=[{"other": m.reference("Patient"), "type": "seealso"}],
        telecom=[{"system": m.one(("phone", "email")), "value": m.one(NUMERALS)}],
    )
    if "birthDate" not in found and m.chance(50):
        found["_birthDate"] = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}
    return found | m.one(
        ({}, {"deceasedBoolean": m.chance(50)}, {"deceasedDateTime": m.one(DATES)})
    )


def _practitioner(m: Maker) -> Json:
    return m.some(identifier=m.many(m.identifier), name=m.many(m.name), active=m.chance(50))


def _organization(m: Maker) -> Json:
    return {"name": m.one((*TEXTS, *GIVENS)), **m.some(
        50, partOf=m.reference("Organization"), alias=[m.one(TEXTS)], type=m.many(m.concept),
        identifier=m.many(m.identifier), address=m.many(m.address),
    )}  # fmt: skip


def _location(m: Maker) -> Json:
    return m.some(
        name=m.one(TEXTS), alias=[m.one(TEXTS)], partOf=m.reference("Location"),
        managingOrganization=m.reference("Organization"), status=m.one(("active", "inactive")),
        address=m.address(), type=m.many(m.concept),
    )  # fmt: skip


def _encounter(m: Maker) -> Json:
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    return {
        "status": m.one(("finished", "planned")),
        "class": {"system": act, "code": m.one(("AMB", "IMP"))},
        **m.some(
            subject=m.reference("Patient", "Group"), period=m.period(), type=m.many(m.concept),
            length={"value": m.one((1, 5, 90)), "unit": "min"},
            participant=[{"individual": m.reference("Practitioner"), "type": [m.concept()]}],
            location=[{"location": m.reference("Location"), "period": m.period()}],
            serviceProvider=m.reference("Organization"), partOf=m.reference("Encounter"),
            diagnosis=[{"condition": m.reference("Condition")}], identifier=[m.identifier()],
        ),
    }  # fmt: skip


def _value(m: Maker) -> Json:
    return m.one((
        {"valueQuantity": m.quantity()}, {"valueQuantity": m.quantity()},
        {"valueCodeableConcept": m.concept()}, {"valueString": m.one(TEXTS)},
        {"valueDateTime": m.one(DATES)}, {"valuePeriod": m.period()}, {},
        {"dataAbsentReason": m.concept()},
    ))  # fmt: skip


def _observation(m: Maker) -> Json:
    timing = {"event": [m.one(DATES), m.one(DATES)]}
    when = m.one((
        {"effectiveDateTime": m.one(DATES)}, {"effectivePeriod": m.period()},
        {"effectiveTiming": timing}, {"effectiveTiming": {"repeat": {"boundsPeriod": m.period()}}},
        {"effectiveInstant": "2024-02-29T23:59:59+08:00"}, {"effectiveDateTime": m.one(DATES)}, {},
        {"_effectiveDateTime": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}},
    ))  # fmt: skip
    found = {"status": m.one(("final", "amended")), "code": m.concept(), **when, **_value(m)}
    if m.chance(40):
        found["component"] = m.many(lambda: {"code": m.concept(), **_value(m)})
    found |= m.some(
        subject=m.reference("Patient", "Patient", "Group", "Location"),
        encounter=m.reference("Encounter"), category=m.many(m.concept),
        performer=m.many(lambda: m.reference("Practitioner", "Organization", "Patient")),
        identifier=m.many(m.identifier), method=m.concept(),
    )  # fmt: skip
    if m.chance(30):
        found["hasMember"] = [m.reference("Observation")]
    if m.chance(10):
        found["contained"] = [{"resourceType": "Patient", "id": "inside", "gender": "male"}]
        found["subject"] = {"reference": "#inside"}
    return found


def _condition(m: Maker) -> Json:
    begun = m.one((
        {"onsetDateTime": m.one(DATES)}, {"onsetPeriod": m.period()}, {"onsetString": m.one(TEXTS)},
        {"onsetAge": {"value": m.one((1, 5, 5.4)), "system": UCUM, "code": "a"}}, {},
    ))  # fmt: skip
    return {"subject": m.reference("Patient", "Group"), **begun, **m.some(
        code=m.concept(), recordedDate=m.one(DATES), encounter=m.reference("Encounter"),
        evidence=[{"code": [m.concept()], "detail": [m.reference("Observation")]}],
        asserter=m.reference("Practitioner", "Patient"), category=m.many(m.concept),
    )}  # fmt: skip


def _request(m: Maker) -> Json:
    medication = m.one((
        {"medicationCodeableConcept": m.concept()},
        {"medicationReference": {"reference": "Medication/none"}},
    ))  # fmt: skip
    return {
        "status": m.one(("active", "stopped")), "intent": m.one(("order", "plan")),
        "subject": m.reference("Patient", "Group"), **medication,
        **m.some(
            authoredOn=m.one(DATES), requester=m.reference("Practitioner", "Organization"),
            encounter=m.reference("Encounter"), identifier=m.many(m.identifier),
            dosageInstruction=[{"timing": {"event": [m.one(DATES)]}}],
        ),
    }  # fmt: skip


def _provenance(m: Maker) -> Json:
    return {
        "target": m.many(
            lambda: m.reference("Patient", "Observation", "Encounter", "Condition"), 3
        ),
        "recorded": m.one([one for one in DATES if "T" in one]),
        "agent": [{"who": m.reference("Practitioner", "Organization", "Patient")}],
        **m.some(occurredPeriod=m.period()),
    }


def _group(m: Maker) -> Json:
    trait = m.one((
        {"valueCodeableConcept": m.concept()}, {"valueBoolean": m.chance(50)},
        {"valueQuantity": m.quantity(compared=False)},
        {"valueRange": {"low": {"value": 5, "system": UCUM, "code": "mg"}}},
    ))  # fmt: skip
    return {"type": "person", "actual": True, **m.some(
        member=m.many(lambda: {"entity": m.reference("Patient")}, 3), code=m.concept(),
        identifier=m.many(m.identifier),
        characteristic=[{"code": m.concept(), "exclude": m.chance(50), **trait}],
    )}  # fmt: skip


def _list(m: Maker) -> Json:
    entries = m.many(
        lambda: {
            "item": m.reference("Patient", "Observation", "Condition"),
            **({"deleted": True} if m.chance(20) else {}),
        },
        4,
    )
    mode = "changes" if any("deleted" in one for one in entries) else m.one(("working", "changes"))
    return {"status": "current", "mode": mode, "entry": entries, **m.some(
        title=m.one(TEXTS), code=m.concept(), date=m.one(DATES), subject=m.reference("Patient"),
        source=m.reference("Practitioner", "Patient"),
    )}  # fmt: skip


def _value_set(m: Maker) -> Json:
    included = [
        {"system": system, "concept": [{"code": code}]}
        for system, code in m.random.sample([c for c in CODES if None not in c], 2)
    ]
    use = {"code": {"system": "urn:use", "code": m.one(("focus", "age"))}, **m.one((
        {"valueCodeableConcept": m.concept()}, {"valueQuantity": m.quantity(compared=False)},
        {"valueRange": {"low": {"value": 5, "system": UCUM, "code": "g"}}},
    ))}  # fmt: skip
    return {"status": m.one(("active", "draft")), "compose": {"include": included}, **m.some(
        url=m.one(URLS), version=m.one(("1.0", "2.0")), name=m.one(TEXTS), title=m.one(TEXTS),
        date=m.one(DATES), identifier=m.many(m.identifier), useContext=[use],
        description=m.one(TEXTS),
    )}  # fmt: skip


def _questionnaire(m: Maker) -> Json:
    return {"status": m.one(("active", "draft")), **m.some(
        url=m.one(URLS), version=m.one(("1.0", "2.0")), name="Q1", title=m.one(TEXTS),
        effectivePeriod=m.period(), derivedFrom=[m.one(URLS)], subjectType=["Patient"],
        item=[{"linkId": "1", "type": "string", "code": [m.coding()], "text": m.one(TEXTS)}],
    )}  # fmt: skip


def _response(m: Maker) -> Json:
    return {"status": m.one(("completed", "in-progress")), **m.some(
        questionnaire=f"{m.one(URLS)}{m.one(('', '|1.0'))}", subject=m.reference("Patient"),
        authored=m.one(DATES), author=m.reference("Practitioner", "Patient"),
        partOf=[m.reference("Observation")], encounter=m.reference("Encounter"),
    )}  # fmt: skip


def _risk(m: Maker) -> Json:
    chance = m.one((
        {"probabilityDecimal": m.one((0, 0.5, 0.25, 0.2549, 0.0005))},
        {"probabilityRange": {"low": {"value": 0.2}, "high": {"value": 0.5}}},
        {"probabilityRange": {"low": {"value": 0.5}}}, {},
    ))  # fmt: skip
    return {"status": "final", "subject": m.reference("Patient", "Group"), **m.some(
        90, prediction=[chance | {"qualitativeRisk": m.concept()}],
        occurrenceDateTime=m.one(DATES), code=m.concept(), condition=m.reference("Condition"),
    )}  # fmt: skip


def _charge(m: Maker) -> Json:
    return {"status": "billed", "code": m.concept(), "subject": m.reference("Patient"), **m.some(
        factorOverride=m.one(NUMBERS), quantity=m.quantity(),
        priceOverride={"value": m.one(NUMBERS), "currency": m.one(("CNY", "USD"))},
        occurrencePeriod=m.period(), enteredDate=m.one(DATES),
    )}  # fmt: skip


_MAKERS = dict(
    zip(
        COUNTS,
        (
            _patient, _practitioner, _organization, _location, _encounter, _observation, _condition,
            _request, _provenance, _group, _list, _value_set, _questionnaire, _response, _risk,
            _charge,
        ),
        strict=True,
    )
)  # fmt: skip
TYPES = tuple(COUNTS)
