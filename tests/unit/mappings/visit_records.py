"""Records of visits: one of each kind, and whatever else is valid."""

from hypothesis import strategies as st

from tests import visits
from tests.visits import coded, diagnosis, record, result, table

OUTPATIENT = record(
    recordNumber="TEST-1",
    department=coded("urn:oid:2.16.156.10011.2.3.2.62", "A02"),
    participant=[{"function": {"text": "接诊医师"}, "name": "示例医生"}],
    chiefComplaint="头晕 3 天 <轻>",
    diagnosis=[diagnosis("高血压", "I10.x00x002", rank=1), diagnosis("头晕", rank=2)],
    prescription=[
        {
            "number": "RX-1",
            "medicine": "示例片",
            "form": coded(table("211"), "01"),
            "dose": {"value": 30, "unit": "mg"},
            "route": coded(table("158"), "1"),
        }
    ],
    result=[result(5.6)],
    payment=[coded(table("197"), "01")],
    cost=[
        {
            "category": coded("https://tongkang.example/fhir/CodeSystem/cv07.00.002-2023", "01"),
            "amount": {"value": 120.5, "currency": "CNY"},
        }
    ],
)
EMERGENCY = record(
    visitClass=coded(visits.CLASSES, visits.EMERGENCY), diagnosis=[diagnosis("腹痛", "R10.400")]
)
INPATIENT = record(
    visitClass=coded(visits.CLASSES, visits.INPATIENT),
    admissionCount=2,
    ward="一病区",
    bed="12",
    admissionRoute=coded(table("270"), "1"),
    dischargeWay=coded(table("265"), "1"),
    diagnosis=[
        diagnosis(
            "急性阑尾炎",
            "K35.900",
            rank=1,
            admissionCondition=coded(table("253"), "1"),
            outcome=coded(table("148"), "1"),
        )
    ],
    operation=[
        {
            "code": coded(visits.OPERATIONS, "47.0901"),
            "name": "阑尾切除术",
            "performed": "2026-03-01",
            "performer": [{"function": {"text": "术者"}, "name": "示例医生"}],
        }
    ],
    summary="治愈出院",
)
CHECK_UP = record(
    visitClass=coded(visits.CLASSES, visits.OTHER, text="健康体检"),
    result=[
        result(72, "8867-4", "次/min"),
        {
            "item": coded("urn:oid:2.16.156.10011.2.2.1", "DE04.50.037.00"),
            "valueQuantity": {"value": 5.6, "unit": "mmol/L"},
        },
    ],
)
CHINESE = record(
    tcmDiagnosis=[
        {
            "disease": coded(visits.TCM, "A04.01.01"),
            "diseaseName": "示例病名",
            "syndrome": [coded(visits.TCM, "B04.01", text="示例证候")],
        }
    ]
)
GOLDEN = {
    "outpatient": OUTPATIENT,
    "emergency": EMERGENCY,
    "inpatient": INPATIENT,
    "check-up": CHECK_UP,
    "tcm": CHINESE,
}

TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "\x00" not in text)
QUANTITIES = st.builds(
    lambda value, unit: {"value": value, "unit": unit},
    st.integers(-1000, 1000) | st.floats(0, 1e6, allow_nan=False),
    st.sampled_from(["mmol/L", "次/min", "℃", "袋", "mg"]),
)
CODES = st.sampled_from([coded(visits.LOINC, "14771-0"), {"text": "未编码项目"}])
VALUES = st.one_of(
    st.builds(lambda one: {"valueQuantity": one}, QUANTITIES),
    st.builds(lambda one: {"valueString": one}, TEXTS),
    st.builds(lambda one: {"valueBoolean": one}, st.booleans()),
    st.just({}),
)
DIAGNOSES = st.builds(
    lambda name, code, rank: diagnosis(name, code, **({"rank": rank} if rank else {})),
    TEXTS,
    st.sampled_from([None, "I10.x00x002", "E11.900", "B20.x00"]),
    st.integers(0, 9),
)
RECORDS = st.fixed_dictionaries(
    {
        "visitClass": st.sampled_from([coded(visits.CLASSES, one, text="体检") for one in "1239"]),
        "start": st.sampled_from(["2026-03-01", "2026-03", "2026-03-01T08:00:00+08:00"]),
    },
    optional={
        "end": st.sampled_from(["2026-04-01", "2027", "2026-04-01T00:00:00+08:00"]),
        "status": st.sampled_from(["planned", "in-progress", "finished", "cancelled", "unknown"]),
        "recordNumber": TEXTS,
        "chiefComplaint": TEXTS,
        "summary": TEXTS,
        "ward": TEXTS,
        "confidentiality": st.sampled_from(["N", "R", "示例"]),
        "participant": st.lists(
            st.builds(lambda name: {"function": {"text": "主治医师"}, "name": name}, TEXTS),
            min_size=1,
            max_size=2,
        ),
        "diagnosis": st.lists(DIAGNOSES, min_size=1, max_size=4),
        "tcmDiagnosis": st.lists(
            st.sampled_from(
                [
                    {"diseaseName": "示例病名"},
                    {"syndrome": [{"text": "示例证候"}]},
                    {"disease": coded(visits.TCM, "A04.01.01"), "syndrome": [{"text": "甲"}] * 2},
                ]
            ),
            min_size=1,
            max_size=3,
        ),
        "operation": st.lists(
            st.builds(lambda name: {"name": name}, TEXTS), min_size=1, max_size=2
        ),
        "prescription": st.lists(
            st.builds(lambda name, dose: {"medicine": name, "dose": dose}, TEXTS, QUANTITIES),
            min_size=1,
            max_size=2,
        ),
        "result": st.lists(
            st.builds(lambda item, value: {"item": item, **value}, CODES, VALUES),
            min_size=1,
            max_size=4,
        ),
        "report": st.lists(
            st.builds(lambda text: {"findings": text}, TEXTS), min_size=1, max_size=2
        ),
        "payment": st.just([{"text": "自费"}]),
    },
)

SOURCE = "https://a.example/fhir/EncounterRecord/r"
RESIDENT = {"reference": "Patient/p"}


def of(projected, role):
    """Return the resources in a `role` among what was projected."""
    return [resource for one, resource in projected if one == role]
