"""A visit as an Encounter.

Spec: https://hl7.org/fhir/R4/encounter.html
"""

from server.demo.person import Person
from server.demo.shapes import (
    NATIONAL,
    V3,
    coding,
    concept,
    identifier,
    moment,
    reference,
    resource,
    terminology,
)
from server.demo.tables import Tables
from server.demo.visits import CHECK_UP, EMERGENCY, INPATIENT, OUTPATIENT, Visit
from server.fhir.json import Resource

_CLASS = {
    CHECK_UP: ("AMB", "ambulatory"),
    OUTPATIENT: ("AMB", "ambulatory"),
    EMERGENCY: ("EMER", "emergency"),
    INPATIENT: ("IMP", "inpatient encounter"),
}
# 患者类型代码 CV09.00.404.
_TYPE = {
    CHECK_UP: ("9", "其他", "健康体检"),
    OUTPATIENT: ("1", "门诊", "门诊"),
    EMERGENCY: ("2", "急诊", "急诊"),
    INPATIENT: ("3", "住院", "住院"),
}
_DEPARTMENT = {CHECK_UP: "A01", EMERGENCY: "A20"}


def encounter(visit: Visit, person: Person, condition: str | None, tables: Tables) -> Resource:
    """Return the Encounter of `visit`; `condition` is the id of the Condition it was for."""
    place = visit.institution.room(visit.reason.kind)
    code, display, text = _TYPE[visit.reason.kind]
    return resource(
        "Encounter",
        visit.id,
        profile=f"cn-encounter-{visit.reason.kind}",
        identifier=[
            identifier("1.12" if visit.reason.kind == INPATIENT else "1.11", visit.id.upper())
        ],
        status="finished",
        **{"class": coding(f"{V3}ActCode", *_CLASS[visit.reason.kind])},
        type=[concept(text, coding(f"{NATIONAL}.2.3.1.271", code, display))],
        serviceType=_department(visit, tables),
        subject=reference("Patient", person.id, person.name.text),
        participant=[
            {
                "type": [terminology("v3-ParticipationType", "ATND", "attender")],
                "individual": reference("Practitioner", visit.doctor[0], visit.doctor[1].text),
            }
        ],
        period={"start": moment(visit.start), "end": moment(visit.end)},
        reasonCode=None if visit.reason.illness is None else [concept(visit.reason.illness.name)],
        diagnosis=None if condition is None else [_diagnosis(visit, condition)],
        hospitalization=_discharge() if visit.reason.kind == INPATIENT else None,
        location=[{"location": reference("Location", place)}],
        serviceProvider=reference("Organization", visit.institution.id, visit.institution.name),
    )


def _department(visit: Visit, tables: Tables) -> dict[str, object]:
    usual = "A02" if visit.reason.illness is None else visit.reason.illness.department
    code = _DEPARTMENT.get(visit.reason.kind, usual)
    name = tables.departments[code]
    return concept(name, coding(f"{NATIONAL}.2.3.2.62", code, name))


def _diagnosis(visit: Visit, condition: str) -> dict[str, object]:
    role = (
        ("DD", "Discharge diagnosis")
        if visit.reason.kind == INPATIENT
        else ("AD", "Admission diagnosis")
    )
    return {
        "condition": reference("Condition", condition),
        "use": terminology("diagnosis-role", *role),
        "rank": 1,
    }


def _discharge() -> dict[str, object]:
    home = terminology("discharge-disposition", "home", "Home")
    return {"dischargeDisposition": home}
