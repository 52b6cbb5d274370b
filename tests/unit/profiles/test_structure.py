"""Faults of structure and where they are: https://hl7.org/fhir/R4/validation.html."""

import json

import pytest

from server.fhir.messages import templates

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">王伟</div>'
EXTENSION = {"url": "http://example.org/x", "valueString": "y"}
CODE = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}], "text": "收缩压"}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
SUBJECT = {"reference": "Patient/1"}


def patient(**elements):
    return {"resourceType": "Patient", **elements}


def observation(**elements):
    return {"resourceType": "Observation", "status": "final", "code": CODE, **elements}


def condition(**elements):
    return {"resourceType": "Condition", "subject": SUBJECT, **elements}


def contained(resource):
    return patient(contained=[resource])


GOOD = [
    patient(),
    patient(id="1", meta={"versionId": "1", "lastUpdated": "2024-05-01T08:00:00+08:00"}),
    patient(active=True, birthDate="1990-02-28", gender="male", multipleBirthInteger=2),
    patient(text={"status": "generated", "div": DIV}),
    patient(name=[{"family": "王", "given": ["伟"]}], contact=[{"name": {"text": "李"}}]),
    patient(extension=[EXTENSION], modifierExtension=[EXTENSION]),
    patient(extension=[{"url": "http://example.org/x", "extension": [EXTENSION]}]),
    patient(birthDate="1990-02-28", _birthDate={"extension": [EXTENSION]}),
    patient(_birthDate={"extension": [EXTENSION]}),
    patient(_gender={"id": "a"}, gender="female"),
    patient(name=[{"given": ["伟", None], "_given": [None, {"extension": [EXTENSION]}]}]),
    patient(name=[{"_given": [{"id": "a"}, {"id": "b"}]}]),
    patient(_deceasedBoolean={"extension": [EXTENSION]}),
    patient(contained=[{"resourceType": "Organization", "id": "o", "name": "医院"}]),
    observation(),
    observation(valueQuantity={"value": 120, "unit": "mm[Hg]"}, subject=SUBJECT),
    observation(effectivePeriod={"start": "2024", "end": "2024-06"}, valueBoolean=False),
    observation(component=[{"code": CODE, "valueInteger": 0}]),
    observation(referenceRange=[{"low": {"value": 1.0}}]),
    {
        "resourceType": "Observation",
        "_status": {"extension": [EXTENSION]},
        "code": {"text": "x"},
    },
    condition(clinicalStatus={"coding": [{"system": CLINICAL, "code": "active"}]}),
    condition(clinicalStatus={"text": "活动"}),
    condition(
        clinicalStatus={"coding": [{"code": "01"}, {"system": CLINICAL, "code": "resolved"}]}
    ),
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": patient()}
        ],
    },
    {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "a", "part": [{"name": "b", "valueCodeableConcept": CODE}]},
            {"name": "c", "resource": patient()},
        ],
    },
    {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"linkId": "1", "type": "group", "item": [{"linkId": "1.1", "type": "string"}]}],
    },
    {"resourceType": "Binary", "contentType": "application/pdf; name=x", "data": "QUJD"},
    {
        "resourceType": "Invoice",
        "status": "draft",
        "totalNet": {"value": 1.5, "currency": "CNY"},
    },
]

BAD = [
    # the resource itself
    ({}, None, "structure-resource-type-missing"),
    ({"id": "1"}, None, "structure-resource-type-missing"),
    ({"resourceType": None}, None, "structure-resource-type-missing"),
    ({"resourceType": "Paitent"}, None, "structure-resource-type-unknown"),
    ({"resourceType": "DomainResource"}, None, "structure-resource-type-unknown"),
    ({"resourceType": "HumanName"}, None, "structure-resource-type-unknown"),
    ({"resourceType": ["Patient"]}, None, "structure-resource-type-unknown"),
    # unknown elements
    (patient(foo=1), "Patient.foo", "structure-unknown-element"),
    (patient(Active=True), "Patient.Active", "structure-unknown-element"),
    (patient(status="final"), "Patient.status", "structure-unknown-element"),
    (patient(fhir_comments=["x"]), "Patient.fhir_comments", "structure-unknown-element"),
    (patient(**{"a b": 1}), "Patient.`a b`", "structure-unknown-element"),
    (patient(**{"": 1}), "Patient.``", "structure-unknown-element"),
    (patient(**{"x`y": 1}), r"Patient.`x\`y`", "structure-unknown-element"),
    (patient(_name=[{"id": "a"}]), "Patient._name", "structure-unknown-element"),
    (patient(_resourceType={"id": "a"}), "Patient._resourceType", "structure-unknown-element"),
    (patient(_id={"id": "a"}), "Patient._id", "structure-unknown-element"),
    (patient(deceased=True), "Patient.deceased", "structure-unknown-element"),
    (patient(deceasedString="x"), "Patient.deceasedString", "structure-unknown-element"),
    (patient(name=[{"surname": "王"}]), "Patient.name[0].surname", "structure-unknown-element"),
    (
        patient(name=[{"resourceType": "HumanName", "text": "x"}]),
        "Patient.name[0].resourceType",
        "structure-unknown-element",
    ),
    (
        patient(contact=[{"gender": "male"}, {"x": 1}]),
        "Patient.contact[1].x",
        "structure-unknown-element",
    ),
    (
        contained({"resourceType": "Organization", "x": 1}),
        "Patient.contained[0].x",
        "structure-unknown-element",
    ),
    (
        {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": patient(x=1)}]},
        "Bundle.entry[0].resource.x",
        "structure-unknown-element",
    ),
    (
        {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": patient(x=1)}]},
        "Parameters.parameter[0].resource.x",
        "structure-unknown-element",
    ),
    (
        {"resourceType": "Parameters", "parameter": [{"name": "a", "valueFoo": 1}]},
        "Parameters.parameter[0].valueFoo",
        "structure-unknown-element",
    ),
    # JSON types
    (patient(active="true"), "Patient.active", "structure-json-type"),
    (patient(active=1), "Patient.active", "structure-json-type"),
    (patient(gender=1), "Patient.gender", "structure-json-type"),
    (patient(birthDate=19900101), "Patient.birthDate", "structure-json-type"),
    (patient(birthDate={"value": "1990"}), "Patient.birthDate", "structure-json-type"),
    (patient(multipleBirthInteger="2"), "Patient.multipleBirth", "structure-json-type"),
    (patient(multipleBirthInteger=True), "Patient.multipleBirth", "structure-json-type"),
    (patient(maritalStatus="M"), "Patient.maritalStatus", "structure-not-an-object"),
    (patient(name=["王伟"]), "Patient.name[0]", "structure-not-an-object"),
    (patient(name=[["王伟"]]), "Patient.name[0]", "structure-not-an-object"),
    (patient(name=[{"given": [["伟"]]}]), "Patient.name[0].given[0]", "structure-json-type"),
    (contained("x"), "Patient.contained[0]", "structure-not-an-object"),
    (observation(valueQuantity={"value": "1.5"}), "Observation.value.value", "structure-json-type"),
    # arrays and single values
    (patient(name={"text": "王伟"}), "Patient.name", "structure-array"),
    (patient(name=[{"given": "伟"}]), "Patient.name[0].given", "structure-array"),
    (patient(gender=["male"]), "Patient.gender", "structure-not-an-array"),
    (patient(maritalStatus=[{"text": "x"}]), "Patient.maritalStatus", "structure-not-an-array"),
    (
        patient(birthDate=["1990"], _birthDate={"id": "a"}),
        "Patient.birthDate",
        "structure-not-an-array",
    ),
    # nothing where something belongs
    (patient(name=[]), "Patient.name", "structure-empty-array"),
    (patient(name=[{}]), "Patient.name[0]", "structure-empty-object"),
    (patient(maritalStatus={}), "Patient.maritalStatus", "structure-empty-object"),
    (patient(extension=[{}]), "Patient.extension[0]", "structure-empty-object"),
    (patient(_birthDate={}), "Patient.birthDate", "structure-empty-object"),
    (patient(birthDate=None), "Patient.birthDate", "structure-null"),
    (patient(maritalStatus=None), "Patient.maritalStatus", "structure-null"),
    (patient(name=None), "Patient.name", "structure-array"),
    (patient(name=[None]), "Patient.name[0]", "structure-null"),
    (contained(None), "Patient.contained[0]", "structure-null"),
    (patient(name=[{"given": ["伟", None]}]), "Patient.name[0].given[1]", "structure-null"),
    (patient(name=[{"family": ""}]), "Patient.name[0].family", "structure-empty-string"),
    (patient(gender=""), "Patient.gender", "structure-empty-string"),
    (contained({}), "Patient.contained[0]", "structure-resource-type-missing"),
    # ids and extensions of primitives
    (patient(_birthDate="x"), "Patient.birthDate", "structure-not-an-object"),
    (patient(_birthDate={"value": "x"}), "Patient.birthDate.value", "structure-unknown-element"),
    (patient(_birthDate=[{"id": "a"}]), "Patient.birthDate", "structure-not-an-object"),
    (
        patient(_birthDate={"extension": [{"url": "u"}]}),
        "Patient.birthDate.extension[0]",
        "structure-extension-content",
    ),
    (patient(name=[{"_given": {"id": "a"}}]), "Patient.name[0].given", "structure-array"),
    (patient(name=[{"_given": []}]), "Patient.name[0].given", "structure-empty-array"),
    (patient(name=[{"_given": [None]}]), "Patient.name[0].given[0]", "structure-null"),
    (
        patient(name=[{"given": ["伟"], "_given": [None, {"id": "a"}]}]),
        "Patient.name[0].given",
        "structure-sibling-length",
    ),
    (
        patient(name=[{"given": [None, "伟"], "_given": [None, {"id": "a"}]}]),
        "Patient.name[0].given[0]",
        "structure-null",
    ),
    (
        patient(name=[{"given": [1, None], "_given": [None, {"id": "a"}]}]),
        "Patient.name[0].given[0]",
        "structure-json-type",
    ),
    # required
    ({"resourceType": "Observation", "code": CODE}, "Observation.status", "structure-required"),
    (condition(subject=None), "Condition.subject", "structure-null"),
    (patient(link=[{"type": "refer"}]), "Patient.link[0].other", "structure-required"),
    (patient(extension=[{"valueString": "x"}]), "Patient.extension[0].url", "structure-required"),
    (
        observation(component=[{"valueInteger": 1}]),
        "Observation.component[0].code",
        "structure-required",
    ),
    (patient(text={"status": "empty"}), "Patient.text.`div`", "structure-required"),
    (
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "subject": SUBJECT,
        },
        "MedicationRequest.medication",
        "structure-required",
    ),
    # choices
    (
        patient(deceasedBoolean=True, deceasedDateTime="2024"),
        "Patient.deceased",
        "structure-choice",
    ),
    (
        patient(deceasedBoolean=True, _deceasedDateTime={"id": "a"}),
        "Patient.deceased",
        "structure-choice",
    ),
    (observation(valueString="x", valueInteger=1), "Observation.value", "structure-choice"),
    (
        patient(extension=[{**EXTENSION, "valueInteger": 1}]),
        "Patient.extension[0].value",
        "structure-choice",
    ),
    # formats
    (patient(id="a_b"), "Patient.id", "structure-format"),
    (patient(birthDate="1990-1-1"), "Patient.birthDate", "structure-format"),
    (patient(birthDate="not-a-date"), "Patient.birthDate", "structure-format"),
    (patient(birthDate="2023-02-30"), "Patient.birthDate", "structure-no-such-day"),
    (patient(deceasedDateTime="2023-02-30T10:00:00Z"), "Patient.deceased", "structure-no-such-day"),
    (patient(deceasedDateTime="2023-02-20T10:00:00"), "Patient.deceased", "structure-format"),
    (patient(meta={"lastUpdated": "2023"}), "Patient.meta.lastUpdated", "structure-format"),
    (patient(meta={"profile": ["a b"]}), "Patient.meta.profile[0]", "structure-format"),
    (patient(implicitRules="a b"), "Patient.implicitRules", "structure-format"),
    (patient(language=" zh"), "Patient.language", "structure-format"),
    (patient(photo=[{"data": "?"}]), "Patient.photo[0].data", "structure-format"),
    (patient(multipleBirthInteger=1.5), "Patient.multipleBirth", "structure-number"),
    (patient(multipleBirthInteger=2**31), "Patient.multipleBirth", "structure-number"),
    (patient(photo=[{"size": -1}]), "Patient.photo[0].size", "structure-number"),
    (patient(telecom=[{"rank": 0}]), "Patient.telecom[0].rank", "structure-number"),
    (patient(name=[{"text": "a\x00b"}]), "Patient.name[0].text", "structure-control-character"),
    (patient(gender="male\x00"), "Patient.gender", "structure-control-character"),
    (
        patient(name=[{"text": "长" * (2**20 + 1)}]),
        "Patient.name[0].text",
        "structure-string-too-long",
    ),
    (
        patient(text={"status": "generated", "div": "<div>x</div>"}),
        "Patient.text.`div`",
        "narrative-element",
    ),
    (
        patient(text={"status": "generated", "div": ""}),
        "Patient.text.`div`",
        "structure-empty-string",
    ),
    (patient(text={"status": "generated", "div": 1}), "Patient.text.`div`", "structure-json-type"),
    # required bindings
    (patient(gender="man"), "Patient.gender", "structure-code-not-in-value-set"),
    (patient(gender="Male"), "Patient.gender", "structure-code-not-in-value-set"),
    (patient(gender="male "), "Patient.gender", "structure-format"),
    (
        patient(text={"status": "none", "div": DIV}),
        "Patient.text.status",
        "structure-code-not-in-value-set",
    ),
    (
        patient(photo=[{"contentType": "pdf"}]),
        "Patient.photo[0].contentType",
        "structure-code-not-in-value-set",
    ),
    (
        {"resourceType": "Invoice", "status": "draft", "totalNet": {"currency": "元"}},
        "Invoice.totalNet.currency",
        "structure-code-not-in-value-set",
    ),
    (
        condition(clinicalStatus={"coding": [{"system": CLINICAL, "code": "gone"}]}),
        "Condition.clinicalStatus",
        "structure-concept-not-in-value-set",
    ),
    (
        condition(clinicalStatus={"coding": [{"code": "active"}]}),
        "Condition.clinicalStatus",
        "structure-concept-not-in-value-set",
    ),
    (
        condition(clinicalStatus={"coding": [{"display": "活动"}]}),
        "Condition.clinicalStatus",
        "structure-concept-not-in-value-set",
    ),
    (
        condition(clinicalStatus={"coding": []}),
        "Condition.clinicalStatus.coding",
        "structure-empty-array",
    ),
    # references
    (
        condition(subject={"reference": "Patient?x=1"}),
        "Condition.subject.reference",
        "reference-conditional",
    ),
    (condition(subject={"reference": "Person-1"}), "Condition.subject.reference", "reference-form"),
    (
        condition(subject={"reference": "X/1"}),
        "Condition.subject.reference",
        "reference-type-unknown",
    ),
    (condition(subject={"reference": ""}), "Condition.subject.reference", "structure-empty-string"),
    (condition(subject="Patient/1"), "Condition.subject", "structure-not-an-object"),
    # the two invariants that are checked here
    (patient(extension=[{"url": "u"}]), "Patient.extension[0]", "structure-extension-content"),
    (
        patient(extension=[{**EXTENSION, "extension": [EXTENSION]}]),
        "Patient.extension[0]",
        "structure-extension-content",
    ),
    (
        contained({"resourceType": "Patient", "contained": [patient()]}),
        "Patient.contained[0].contained",
        "structure-nested-contained",
    ),
]


@pytest.mark.parametrize("resource", GOOD)
def test_a_good_resource_has_no_faults(faults, resource):
    assert faults(resource) == []


@pytest.mark.parametrize(("resource", "expression", "message"), BAD)
def test_a_fault_is_found_where_it_is_and_no_other(faults, resource, expression, message):
    assert faults(resource) == [(expression, message)]


def test_every_fault_is_told(faults):
    resource = {
        "resourceType": "Patient",
        "name": [{"given": ["伟", 1, ""]}, {}],
        "gender": "x",
        "foo": 1,
        "birthDate": "2023-02-30",
        "contact": [{"telecom": [{"system": "pigeon"}]}],
    }
    assert faults(resource) == [
        ("Patient.name[0].given[1]", "structure-json-type"),
        ("Patient.name[0].given[2]", "structure-empty-string"),
        ("Patient.name[1]", "structure-empty-object"),
        ("Patient.gender", "structure-code-not-in-value-set"),
        ("Patient.foo", "structure-unknown-element"),
        ("Patient.birthDate", "structure-no-such-day"),
        ("Patient.contact[0].telecom[0].system", "structure-code-not-in-value-set"),
    ]


def test_of_very_many_faults_the_first_are_told(validator):
    issues = validator.faults(patient(name=[{}] * 100_000))
    assert len(issues) == 501
    assert issues[-1].message == "structure-more-faults"


def test_nesting_without_end_is_refused_not_fatal(validator):
    resource = observation()
    for _ in range(100_000):
        resource = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": resource}]}
    issues = validator.faults(resource)
    assert [issue.message for issue in issues] == ["structure-too-deep"]


def test_deep_nesting_with_siblings_takes_no_more_time_than_its_size(faults):
    """The sibling comes last, where a check that starts over would double at each level."""
    item = {"linkId": "1", "type": "group", "_linkId": {"id": ""}}
    for _ in range(60):
        item = {"linkId": "1", "type": "group", "item": [item], "_linkId": {"id": "a"}}
    resource = {"resourceType": "Questionnaire", "status": "draft", "item": [item]}
    path = "Questionnaire" + ".item[0]" * 61 + ".linkId.id"
    assert faults(resource) == [(path, "structure-empty-string")]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("resource", "expression", "message"), BAD)
def test_every_fault_is_worded_in_both_languages(
    validator, resource, expression, message, language
):
    for issue in validator.faults(resource):
        text = issue.text(language)
        assert "{" not in text.replace("{…}", "")
        assert len(text) < 250
        assert text.isprintable()


def test_a_long_value_is_cut_in_its_message(validator):
    (issue,) = validator.faults(patient(gender="x" * 1000))
    assert f"“{'x' * 39}…”" in issue.text("zh")


def test_every_fault_is_shown_by_a_case():
    shown = {message for _, _, message in BAD}
    mine = {key for key in templates() if key.startswith(("structure-", "reference-"))}
    assert mine - shown <= {"structure-more-faults", "structure-too-deep"}


def test_the_cases_are_json():
    for resource in [*GOOD, *(case[0] for case in BAD)]:
        assert json.loads(json.dumps(resource)) == resource
