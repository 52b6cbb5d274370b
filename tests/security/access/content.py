"""What the fixture world holds, in the order in which it is written.

Residents: a, whose apps ask; b, of the same county, whom a may know nothing of; c, a child of a;
d, with sensitive data, of the next county; e, who moved from the one to the other; f, of another
prefecture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.security.access.shapes import (
    ACT,
    ICD,
    ID_CARD,
    LOINC,
    Json,
    concept,
    condition,
    narrative,
    observation,
    person,
    record,
    reference,
    resource,
)
from tests.security.access.tokens import FAR, NORTH, SOUTH

RESIDENTS = {"a": (NORTH, "1"), "b": (NORTH, "1"), "c": (NORTH, "1"), "d": (SOUTH, "2"),
             "e": (NORTH, "1"), "f": (FAR, "3")}  # fmt: skip
A, B = "Patient/a", "Patient/b"
_LAB, _VITAL = "laboratory", "vital-signs"
_HIV = concept(ICD, "B24")
_UUID = "urn:uuid:0b8d1f4e-9a53-4b9c-8d5f-0a7f6a4c1e21"


@dataclass(frozen=True, slots=True)
class Write:
    """One write by hospital number `hospital`, or by nobody in particular; None of body deletes."""

    type: str
    id: str
    body: Json | None
    hospital: str | None = None


def _put(hospital: str | None, *resources: Json) -> Iterator[Write]:
    for one in resources:
        yield Write(one["resourceType"], one["id"], one, hospital)


def writes() -> Iterator[Write]:
    """Yield all writes of the world."""
    yield from _directory()
    for number, (id, (division, hospital)) in enumerate(RESIDENTS.items(), 1):
        doctor = [reference(f"Practitioner/pr-{hospital}")]
        born = {"birthDate": "2016-06-01"} if id == "c" else {}
        yield from _put(hospital, person(id, division, number, generalPractitioner=doctor, **born))
    for id, (_, hospital) in RESIDENTS.items():
        yield from _put(hospital, *record(id, hospital))
    yield from _versions()
    yield from _crowds()
    yield from _mentions()
    yield from _sensitive()
    yield from _documents()
    yield from _internal()


def _directory() -> Iterator[Write]:
    for number, division in (("1", NORTH), ("2", SOUTH), ("3", FAR)):
        unit = reference(f"Organization/org-{number}")
        yield from _put(
            None,
            resource("Organization", f"org-{number}", name=f"医院{number}"),
            resource("Practitioner", f"pr-{number}", name=[{"text": f"医生{division}"}]),
            resource("PractitionerRole", f"role-{number}", organization=unit,
                     practitioner=reference(f"Practitioner/pr-{number}")),
            resource("Location", f"loc-{number}", name=f"病区{number}", managingOrganization=unit),
        )  # fmt: skip
    yield from _put(
        None,
        resource("Medication", "drug", code=concept(LOINC, "x", "药")),
        resource("ValueSet", "values", url="http://example.org/values", status="active"),
        resource("Questionnaire", "asked", url="http://example.org/asked", status="active"),
    )


def _versions() -> Iterator[Write]:
    """Resources that changed whom they are about, or what they are, or that were deleted."""
    doctor = [reference("Practitioner/pr-1")]
    telephone = [{"system": "phone", "value": "13905920001"}]
    yield from _put("1", person("a", NORTH, 1, generalPractitioner=doctor) | {"telecom": telephone})
    yield from _put("1", person("e", SOUTH, 5, generalPractitioner=doctor))
    yield from _put("1", observation("vit-a", A, _VITAL, value=38), observation("vit-b", B, _VITAL))
    turns = (("a-to-b", A, _LAB, B, _LAB), ("b-to-a", B, _LAB, A, _LAB),
             ("lab-to-vital", A, _LAB, A, _VITAL), ("vital-to-lab", A, _VITAL, A, _LAB),
             ("b-stays", B, _LAB, B, _VITAL))  # fmt: skip
    for id, subject, category, then, becomes in turns:
        yield from _put("1", observation(id, subject, category))
        yield from _put("1", observation(id, then, becomes, value=40))
    for id, subject, hospital in (
        ("gone-a", A, "1"),
        ("gone-b", B, "1"),
        ("gone-f", "Patient/f", "3"),
    ):
        yield from _put(hospital, observation(id, subject, _LAB), observation(id, subject, _VITAL))
        yield Write("Observation", id, None, hospital)
    yield from _put("1", observation("back-a", A, _LAB))
    yield Write("Observation", "back-a", None, "1")
    yield from _put("1", observation("back-a", A, _LAB, value=39))
    yield from _put("1", observation("back-b", A, _LAB))
    yield Write("Observation", "back-b", None, "1")
    yield from _put("1", observation("back-b", B, _LAB, value=39))


def _crowds() -> Iterator[Write]:
    """Resources that name several residents, or a resident and nothing of theirs."""
    accepted = {"status": "accepted"}
    both = [{"actor": reference(one), **accepted} for one in (A, B)]
    yield from _put(
        "1",
        resource("Appointment", "apt-a", status="booked", participant=[both[0]]),
        resource("Appointment", "apt-b", status="booked", participant=[both[1]]),
        resource("Appointment", "apt-ab", status="booked", participant=both),
        resource("Group", "grp", type="person", actual=True,
                 member=[{"entity": reference(A)}, {"entity": reference(B)}]),
        resource("List", "list-a", status="current", mode="working", subject=reference(A),
                 entry=[{"item": reference("Observation/lab-a")},
                        {"item": reference("Observation/lab-b")}]),
        resource("List", "list-b", status="current", mode="working", subject=reference(B),
                 entry=[{"item": reference("Observation/lab-a")}]),
        resource("List", "list-none", status="current", mode="working", source=reference(A),
                 entry=[{"item": reference(A)}, {"item": reference(B)}]),
        resource("Account", "acc-a", status="active", subject=[reference(A)]),
        resource("Account", "acc-ab", status="active", subject=[reference(A), reference(B)]),
        resource("Person", "per-a", link=[{"target": reference(A)}]),
        resource("Person", "per-ab", link=[{"target": reference(A)}, {"target": reference(B)}]),
        resource("RelatedPerson", "rel-c", patient=reference("Patient/c"), name=[{"text": "母"}]),
        resource("RelatedPerson", "rel-b", patient=reference(B), name=[{"text": "姐"}]),
        *(
            resource("Provenance", id, recorded="2024-01-01T00:00:00Z", target=targets,
                     agent=[{"who": reference("Practitioner/pr-1")}])
            for id, targets in (
                ("prv-a", [reference(A), reference("Observation/lab-a")]),
                ("prv-ab", [reference(A), reference(B)]),
                ("prv-lab", [reference("Observation/lab-b")]),
            )
        ),
        observation("grp-subject", "Group/grp", _LAB),
        observation("no-subject", None, _LAB),
    )  # fmt: skip


def _mentions() -> Iterator[Write]:
    """Resources about one resident that mention another, in every way there is."""
    whom = {"identifier": {"system": ID_CARD, "value": f"{NORTH}198001010001"}, "display": "陈a"}
    inside = {
        "resourceType": "Patient",
        "id": "p",
        "name": [{"text": "陈a"}],
        "telecom": [{"value": "13805920001"}],
        "identifier": [whom["identifier"]],
    }
    yield from _put(
        "1",
        observation("b-by-a", B, _LAB, performer=[reference(A)]),
        observation("b-focus-a", B, _VITAL, focus=[reference(A)]),
        observation("a-focus-b", A, _VITAL, focus=[reference(B)]),
        observation("a-member", A, _LAB, hasMember=[reference("Observation/lab-b"),
                                                    reference("Observation/lab-a")]),
        observation("a-versioned", "Patient/a/_history/1", _LAB),
        observation("a-said", None, _LAB) | {"subject": reference(A, **whom)},
        observation("a-within", A, _VITAL, contained=[inside], focus=[reference("#p")]),
        observation("b-within", None, _VITAL, contained=[inside]) | {"subject": reference("#p")},
        observation("a-told", A, _LAB, text=narrative("陈a 0001")),
        observation("a-number", None, _LAB) | {"subject": {"type": "Patient", **whom}},
        observation("a-bundled", None, _LAB) | {"subject": {"reference": _UUID, **whom}},
        observation("a-elsewhere", "http://other.example/fhir/Patient/a", _LAB),
        condition("con-b-by-a", B, "J06", asserter=reference(A)),
        resource("QuestionnaireResponse", "qr-b", status="completed", subject=reference(B),
                 source=reference(A), questionnaire="http://example.org/asked"),
        resource("QuestionnaireResponse", "qr-a", status="completed", subject=reference(A),
                 author=reference(B)),
        resource("Coverage", "cov-b-by-a", status="active", beneficiary=reference(B),
                 policyHolder=reference(A), subscriber=reference(A), payor=[reference(A)]),
        resource("Communication", "com-b", status="completed", subject=reference(B),
                 recipient=[reference(A)], sender=reference(A)),
    )  # fmt: skip
    yield from _put("1", person("b", NORTH, 2, link=[{"other": reference(A), "type": "seealso"}]))
    yield from _put(
        "3",
        observation("f-at-3", "Patient/f", _LAB),
        observation("a-at-3", A, _LAB, note=[{"text": "外地就诊"}]),
        observation("none-at-3", None, _VITAL),
    )


def _sensitive() -> Iterator[Write]:
    d, a = "Patient/d", A
    restricted = {"meta": {"security": [{"system": ACT, "code": "PSY"}]}}
    yield from _put(
        "2",
        condition("hiv-d", d, "B24"),
        condition("psy-d", d, "F32.1"),
        observation("hiv-lab-d", d, _LAB, code=concept(LOINC, "7917-8")),
        observation("labelled-d", d, _VITAL) | restricted,
        resource("DiagnosticReport", "hiv-rep-d", status="final", code=concept(LOINC, "5221-7"),
                 subject=reference(d), result=[reference("Observation/hiv-lab-d")]),
        resource("MolecularSequence", "seq-d", type="dna", coordinateSystem=0,
                 patient=reference(d)),
    )  # fmt: skip
    yield from _put("2", observation("becomes-hiv-d", d, _LAB))
    yield from _put("2", observation("becomes-hiv-d", d, _LAB, bodySite=_HIV))
    yield from _put("2", observation("was-hiv-d", d, _LAB, bodySite=_HIV))
    yield from _put("2", observation("was-hiv-d", d, _LAB))
    yield from _put("1", observation("sex-a", a, _LAB, code=concept(LOINC, "2106-3")))
    yield from _put(
        "3", condition("psy-f", "Patient/f", "F20"), condition("hiv-f", "Patient/f", "B20")
    )


def _documents() -> Iterator[Write]:
    """Compositions, one of which leads to what is sensitive, and one to another resident."""
    for id, resident, hospital, entries in (
        ("cmp-a", "a", "1", ("Observation/lab-a", "Condition/con-a", "DiagnosticReport/rep-a")),
        ("cmp-a-b", "a", "1", ("Observation/lab-a", "Observation/lab-b")),
        ("cmp-b", "b", "1", ("Observation/a-focus-b", "Observation/lab-b")),
        ("cmp-d", "d", "2", ("Observation/lab-d", "Observation/hiv-lab-d")),
        ("cmp-d-open", "d", "2", ("Observation/lab-d", "AllergyIntolerance/all-d")),
    ):
        composition = resource(
            "Composition", id, status="final", type=concept(LOINC, "34133-9"), date="2024-03-02",
            subject=reference(f"Patient/{resident}"), title=f"摘要{resident}",
            author=[reference(f"Practitioner/pr-{hospital}")],
            section=[{"entry": [reference(one) for one in entries]}],
        )  # fmt: skip
        yield from _put(hospital, composition)


def _internal() -> Iterator[Write]:
    yield from _put(
        None, resource("Task", "task-a", status="draft", intent="plan", **{"for": reference(A)})
    )
