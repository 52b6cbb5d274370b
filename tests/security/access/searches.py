"""The searches of the matrix, each with what it means in plain Python."""

from collections.abc import Callable
from urllib.parse import quote

from tests.security.access.asking import Include, Json, Look, Search, Wanted, named, refers, values
from tests.security.access.shapes import ID_CARD
from tests.security.access.tokens import NORTH

_B_NUMBER = f"{ID_CARD}|{NORTH}198001010002"
_B_NAME, _DOCTOR = quote("陈b"), quote("医生")
_IDENTIFIER, _DOCTORS = ("Patient", "identifier"), ("Patient", "generalPractitioner")


def has(path: str, value: str) -> Wanted:
    """Want resources that have `value` at `path`."""
    return lambda body, look: value in values(body, path)


def at(path: str, *targets: str) -> Wanted:
    """Want resources that refer at `path` to one of `targets`."""
    return lambda body, look: bool(refers(body, path) & set(targets))


def to(*paths: str) -> Include:
    """Include what is referred to at `paths`."""
    return lambda body: {text for path in paths for text in refers(body, path)}


def leads(path: str, type: str, inner: Wanted) -> Wanted:
    """Want resources that refer at `path` to a `type` that is wanted by `inner`."""

    def wanted(body: Json, look: Look) -> bool:
        ends = refers(body, path)
        return any(named(one) in ends and inner(one, look) for one in look(type))

    return wanted


def pointed(type: str, path: str, inner: Wanted) -> Wanted:
    """Want resources that a `type`, wanted by `inner`, refers to at `path`."""

    def wanted(body: Json, look: Look) -> bool:
        return any(named(body) in refers(one, path) and inner(one, look) for one in look(type))

    return wanted


def listed(id: str) -> Wanted:
    """Want the items of a List."""

    def wanted(body: Json, look: Look) -> bool:
        return any(
            one["id"] == id and named(body) in refers(one, "entry.item") for one in look("List")
        )

    return wanted


def _named(name: str) -> Wanted:
    return lambda body, look: any(name in text for text in values(body, "name.text"))


def _on(
    type: str, *rows: tuple[str, Wanted] | tuple[str, Wanted, dict[str, object]]
) -> list[Search]:
    found = []
    for query, wanted, *more in rows:
        given = more[0] if more else {}
        found.append(Search(path=type, type=type, query=query, wanted=wanted, **given))
    return found


def _every(body: Json, look: Look) -> bool:
    return True


_LAB, _TEMPERATURE = has("category.coding.code", "laboratory"), has("code.coding.code", "8310-5")
_NUMBER = has("identifier.value", f"{NORTH}198001010002")
_NEEDS_PATIENT: dict[str, object] = {"needs": ("Patient",)}
_date: Callable[[Json], object] = lambda body: body["effectiveDateTime"][:10]  # noqa: E731
_id: Callable[[Json], object] = lambda body: body["id"]  # noqa: E731
_OBSERVATIONS = _on(
    "Observation",
    ("", _every),
    ("category=laboratory", _LAB),
    ("category:not=laboratory", lambda body, look: not _LAB(body, look)),
    ("code=8310-5&status=final", _TEMPERATURE),
    ("code=http://loinc.org|7917-8", has("code.coding.code", "7917-8")),
    ("subject=Patient/a", at("subject", "Patient/a")),
    ("subject=Patient/b", at("subject", "Patient/b")),
    ("patient=b", at("subject", "Patient/b")),
    ("patient=d,f", at("subject", "Patient/d", "Patient/f")),
    ("subject:missing=true", lambda body, look: "subject" not in body),
    ("_id=lab-b,lab-a,gone-a,nobody", lambda body, look: body["id"] in ("lab-a", "lab-b")),
    ("performer=Patient/a", at("performer", "Patient/a")),
    ("focus=Patient/a", at("focus", "Patient/a")),
    ("value-quantity=gt37", lambda body, look: body["valueQuantity"]["value"] > 37),
    ("date=ge2024", lambda body, look: body["effectiveDateTime"] >= "2024"),
    ("_security=PSY", has("meta.security.code", "PSY")),
    ("_lastUpdated=gt2020-01-01", _every),
    (f"subject:identifier={ID_CARD}|{NORTH}198001010001",
     has("subject.identifier.value", f"{NORTH}198001010001"), {"reads": (_IDENTIFIER,)}),
    (f"performer:identifier={ID_CARD}|{NORTH}198001010001",
     has("performer.identifier.value", "-"), {"reads": (_IDENTIFIER,)}),
    ("method=m-1", has("method.coding.code", "m-1"), {"reads": (("Observation", "method"),)}),
    (f"subject:Patient.name={_B_NAME}", leads("subject", "Patient", _named("陈b")), _NEEDS_PATIENT),
    (f"patient.name={_B_NAME}", leads("subject", "Patient", _named("陈b")), _NEEDS_PATIENT),
    (f"subject:Patient.identifier={quote(_B_NUMBER)}", leads("subject", "Patient", _NUMBER),
     _NEEDS_PATIENT | {"reads": (_IDENTIFIER,)}),
    ("subject:Patient.general-practitioner=Practitioner/pr-1",
     leads("subject", "Patient", at("generalPractitioner", "Practitioner/pr-1")),
     _NEEDS_PATIENT | {"reads": (_DOCTORS,)}),
    ("subject:Patient.general-practitioner:Practitioner.name=" + _DOCTOR,
     leads("subject", "Patient", leads("generalPractitioner", "Practitioner", _named("医生"))),
     {"needs": ("Patient", "Practitioner"), "reads": (_DOCTORS,)}),
    ("performer:Patient.gender=female", leads("performer", "Patient", has("gender", "female")),
     _NEEDS_PATIENT),
    ("encounter.status=finished", leads("encounter", "Encounter", has("status", "finished")),
     {"needs": ("Encounter",)}),
    ("has-member:Observation.code=2339-0",
     leads("hasMember", "Observation", has("code.coding.code", "2339-0"))),
    ("_has:DiagnosticReport:result:status=final",
     pointed("DiagnosticReport", "result", has("status", "final")),
     {"needs": ("DiagnosticReport",)}),
    ("_list=list-a", listed("list-a")),
    ("_list=list-b", listed("list-b")),
    ("_list=list-none", listed("list-none")),
    ("_filter=category eq laboratory", _LAB),
    ("_filter=patient.name eq 陈b", leads("subject", "Patient", _named("陈b")), _NEEDS_PATIENT),
    ("_filter=method eq m-1", has("method.coding.code", "m-1"),
     {"reads": (("Observation", "method"),)}),
    ("_sort=date", _every, {"sort": _date}),
    ("_sort=-date,_id", _every, {"sort": _date, "falling": True}),
    ("_sort=_lastUpdated", _every),
    ("_sort=method", _every, {"reads": (("Observation", "method"),)}),
    ("_include=Observation:subject", _every, {"forward": to("subject")}),
    ("_include=Observation:performer", _every, {"forward": to("performer")}),
    ("_include=Observation:focus&_include=Observation:has-member", _every,
     {"forward": to("focus", "hasMember")}),
    ("_include=Observation:encounter&_include:iterate=Encounter:participant", _every,
     {"forward": to("encounter"), "again": to("participant.individual")}),
    ("_include=*", _every, {"exact": False}),
    ("_revinclude=DiagnosticReport:result", _every,
     {"reverse": (("DiagnosticReport", to("result")),)}),
    ("_revinclude=Provenance:target", _every, {"reverse": (("Provenance", to("target")),)}),
    ("_revinclude=List:item&_revinclude:iterate=*", _every, {"exact": False}),
)  # fmt: skip
_LABS_OF = pointed("Observation", "subject", _LAB)
_PATIENTS = _on(
    "Patient",
    ("", _every),
    (f"name={_B_NAME}", _named("陈b")),
    (f"identifier={quote(_B_NUMBER)}", _NUMBER, {"reads": (_IDENTIFIER,)}),
    ("identifier:missing=false", _every, {"reads": (_IDENTIFIER,)}),
    ("phone=13805920002", has("telecom.value", "13805920002"),
     {"reads": (("Patient", "telecom"),)}),
    ("address:contains=" + quote("中山路"), _every, {"reads": (("Patient", "address"),)}),
    ("birthdate=lt1960", lambda body, look: body["birthDate"] < "1960",
     {"reads": (("Patient", "birthDate"),)}),
    ("general-practitioner=Practitioner/pr-1", at("generalPractitioner", "Practitioner/pr-1"),
     {"reads": (_DOCTORS,)}),
    ("link=Patient/a", at("link.other", "Patient/a")),
    ("gender=female", has("gender", "female")),
    ("_has:Observation:subject:category=laboratory", _LABS_OF, {"needs": ("Observation",)}),
    ("_has:Observation:performer:code=8310-5", pointed("Observation", "performer", _TEMPERATURE),
     {"needs": ("Observation",)}),
    ("_has:Condition:patient:code=B24",
     pointed("Condition", "subject", has("code.coding.code", "B24")),
     {"needs": ("Condition",)}),
    ("_has:Encounter:subject:_has:Observation:encounter:code=2339-0",
     pointed("Encounter", "subject",
             pointed("Observation", "encounter", has("code.coding.code", "2339-0"))),
     {"needs": ("Encounter", "Observation")}),
    ("_has:Observation:subject:method=m-1",
     pointed("Observation", "subject", has("method.coding.code", "m-1")),
     {"needs": ("Observation",), "reads": (("Observation", "method"),)}),
    ("_list=list-none", listed("list-none")),
    ("_sort=-_id", _every, {"sort": _id, "falling": True}),
    ("_sort=birthdate", _every,
     {"sort": lambda body: body["birthDate"], "reads": (("Patient", "birthDate"),)}),
    ("_sort=address-city", _every, {"reads": (("Patient", "address"),)}),
    ("_content=陈", _every, {"exact": False, "reads": (_IDENTIFIER,)}),
    ("_include=Patient:link", _every, {"forward": to("link.other")}),
    ("_include=Patient:general-practitioner", _every,
     {"forward": to("generalPractitioner"), "reads": (_DOCTORS,)}),
    ("_revinclude=Observation:subject", _every, {"reverse": (("Observation", to("subject")),)}),
    ("_revinclude=Observation:performer&_revinclude=Condition:asserter", _every,
     {"reverse": (("Observation", to("performer")), ("Condition", to("asserter")))}),
    ("_revinclude=List:item&_revinclude=Group:member", _every,
     {"reverse": (("List", to("entry.item")), ("Group", to("member.entity")))}),
    ("_revinclude=Person:patient&_revinclude=Account:subject&_revinclude=Appointment:actor", _every,
     {"reverse": (("Person", to("link.target")), ("Account", to("subject")),
                  ("Appointment", to("participant.actor")))}),
    ("_revinclude=AuditEvent:patient&_revinclude=Task:subject", _every,
     {"reverse": (("AuditEvent", to("entity.what")), ("Task", to("for")))}),
    ("_revinclude=*", _every, {"exact": False}),
)  # fmt: skip
_OTHERS = [
    *_on("Condition", ("", _every), ("code=http://hl7.org/fhir/sid/icd-10|B24",
                                     has("code.coding.code", "B24")),
         ("asserter=Patient/a", at("asserter", "Patient/a")), ("_sort=recorded-date", _every),
         ("patient._has:Observation:subject:category=laboratory",
          leads("subject", "Patient", _LABS_OF), {"needs": ("Patient", "Observation")}),
         ("_include=Condition:subject&_revinclude:iterate=Observation:subject", _every,
          {"exact": False})),
    *_on("Encounter", ("", _every), ("subject=Patient/b", at("subject", "Patient/b")),
         ("_has:Observation:encounter:code=8310-5",
          pointed("Observation", "encounter", _TEMPERATURE),
          {"needs": ("Observation",)}),
         ("_revinclude=Observation:encounter&_revinclude=Condition:encounter", _every,
          {"reverse": (("Observation", to("encounter")), ("Condition", to("encounter")))})),
    *_on("DiagnosticReport", ("", _every),
         ("result.code=7917-8", leads("result", "Observation", has("code.coding.code", "7917-8")),
          {"exact": False}),
         ("_include=DiagnosticReport:result&_include:iterate=Observation:subject", _every,
          {"forward": to("result"), "again": to("subject")})),
    *_on("Appointment", ("", _every), ("actor=Patient/b", at("participant.actor", "Patient/b")),
         ("_include=Appointment:actor", _every, {"forward": to("participant.actor")})),
    *_on("Provenance", ("", _every), ("target=Patient/b", at("target", "Patient/b")),
         ("_include=Provenance:target", _every, {"forward": to("target")})),
    *_on("List", ("", _every), ("item=Observation/lab-b", at("entry.item", "Observation/lab-b")),
         ("_include=List:item", _every, {"forward": to("entry.item")})),
    *_on("Group", ("", _every), ("member=Patient/b", at("member.entity", "Patient/b"))),
    *_on("Coverage", ("", _every), ("policy-holder=Patient/a", at("policyHolder", "Patient/a"))),
    *_on("Organization", ("", _every),
         ("_revinclude=Encounter:service-provider", _every,
          {"reverse": (("Encounter", to("serviceProvider")),)})),
    *_on("Practitioner", ("", _every),
         ("_revinclude=Patient:general-practitioner", _every,
          {"reverse": (("Patient", to("generalPractitioner")),), "reads": (_DOCTORS,)}),
         (f"_has:Patient:general-practitioner:name={_B_NAME}",
          pointed("Patient", "generalPractitioner", _named("陈b")),
          _NEEDS_PATIENT | {"reads": (_DOCTORS,)})),
    *_on("Questionnaire", ("_revinclude=QuestionnaireResponse:questionnaire", _every,
                           {"exact": False})),
    *(one for type in ("Account", "AllergyIntolerance", "AuditEvent", "CarePlan", "Communication",
                       "DocumentReference", "Immunization", "MedicationRequest", "Medication",
                       "MolecularSequence", "Person", "Procedure", "QuestionnaireResponse",
                       "RelatedPerson", "Task", "ValueSet")
      for one in _on(type, ("", _every))),
]  # fmt: skip
_INSIDE = {"Observation": ("subject", "performer"), "Condition": ("subject", "asserter"),
           "Encounter": ("subject",), "Appointment": ("participant.actor",),
           "Coverage": ("policyHolder", "subscriber", "beneficiary", "payor")}  # fmt: skip


def _inside(patient: str, type: str) -> Search:
    paths = _INSIDE[type]
    return Search(path=f"Patient/{patient}/{type}", type=type,
                  wanted=lambda body, look: any(at(path, f"Patient/{patient}")(body, look)
                                                for path in paths))  # fmt: skip


_ACROSS = [
    Search(path="", type=None, query="_sort=_id"),
    Search(path="", type=None, query="_id=lab-b,vit-a,b,a", wanted=lambda body, look: body["id"] in
           ("lab-b", "vit-a", "b", "a")),
    Search(path="", type=None, types=("Observation", "Patient"), query="_type=Patient,Observation"),
    Search(path="", type=None, types=("Condition", "Patient"), query="_type=Condition,Patient&"
           "_revinclude=Observation:subject", reverse=(("Observation", to("subject")),)),
    Search(path="", type=None, types=("AuditEvent",), query="_type=AuditEvent"),
    *(_inside(patient, type) for patient in "abdz" for type in _INSIDE),
    *(Search(path=f"Patient/{patient}/*", type=None, exact=False) for patient in "abd"),
    Search(path="Patient/b/*", type=None, types=("Observation",), query="_type=Observation",
           wanted=_inside("b", "Observation").wanted),
    Search(path="Encounter/enc-b/Observation", type="Observation",
           wanted=at("encounter", "Encounter/enc-b")),
    Search(path="Practitioner/pr-1/Patient", type="Patient", reads=(_DOCTORS,),
           wanted=at("generalPractitioner", "Practitioner/pr-1")),
]  # fmt: skip
SEARCHES = (*_OBSERVATIONS, *_PATIENTS, *_OTHERS, *_ACROSS)
