"""XML becomes the JSON of the same resource, or is refused at the element that is at fault.

Spec: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html
"""

import pytest

from server.fhir.outcome import BadRequest, TooLarge, Unprocessable

FHIR = 'xmlns="http://hl7.org/fhir"'
SCHEMA = (
    "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
    "xsi:schemaLocation='http://hl7.org/fhir patient.xsd'"
)
PATIENT = '{"resourceType":"Patient"'


def element(inside, type="Patient"):
    return f"<{type} {FHIR}>{inside}</{type}>".encode()


def refusals(xml, body):
    """Return the (expression, message) pairs for which `body` is refused."""
    with pytest.raises(Unprocessable) as refused:
        xml.read(body)
    return [(issue.expression, issue.message) for issue in refused.value.issues]


@pytest.mark.parametrize(
    ("inside", "properties"),
    [
        ("", ""),
        ('<id value="a"/>', ',"id":"a"'),
        ('<active value="true"/>', ',"active":true'),
        ('<multipleBirthInteger value="2"/>', ',"multipleBirthInteger":2'),
        ('<name><family value="王"/></name>', ',"name":[{"family":"王"}]'),
        ('<name id="n"><text value="a"/></name>', ',"name":[{"id":"n","text":"a"}]'),
        (
            '<name><given value="a"/><given value="b"/></name>',
            ',"name":[{"given":["a","b"]}]',
        ),
        (
            '<birthDate id="b" value="1990"/>',
            ',"birthDate":"1990","_birthDate":{"id":"b"}',
        ),
        (
            '<birthDate><extension url="u"><valueCode value="c"/></extension></birthDate>',
            ',"_birthDate":{"extension":[{"url":"u","valueCode":"c"}]}',
        ),
        (
            '<name><given value="a"/><given id="g"/><given value="c"/></name>',
            ',"name":[{"given":["a",null,"c"],"_given":[null,{"id":"g"},null]}]',
        ),
        (
            '<name><given id="a"/><given id="b"/></name>',
            ',"name":[{"_given":[{"id":"a"},{"id":"b"}]}]',
        ),
        (
            "<contained><Organization><name value='医院'/></Organization></contained>",
            ',"contained":[{"resourceType":"Organization","name":"医院"}]',
        ),
        ("<name><text value='&lt;&amp;&quot;&#x738B;'/></name>", ',"name":[{"text":"<&\\"王"}]'),
        ("<name><text value='a&#10;b&#9;c'/></name>", ',"name":[{"text":"a\\nb\\tc"}]'),
        ("<name><text value=' a '/></name>", ',"name":[{"text":" a "}]'),
        ("<gender value=' male '/>", ',"gender":"male"'),
        ("<!-- a --><?b c?><active value='false'/>\n\t<!-- d -->", ',"active":false'),
        (
            "<name><given value='a'/><family value='f'/><given value='b'/></name>",
            ',"name":[{"given":["a","b"],"family":"f"}]',
        ),
    ],
)
def test_elements_and_attributes_become_properties(xml, inside, properties):
    assert xml.read(element(inside)).decode() == f"{PATIENT}{properties}}}"


@pytest.mark.parametrize(
    "digits", ["1.50", "-0.0", "1.0E3", "1e-22", "0.000000000000000000001", "9" * 30, "0"]
)
def test_digits_stay_as_they_are(xml, digits):
    inside = f'<valueQuantity><value value="{digits}"/></valueQuantity>'
    read = xml.read(element(inside, "Observation")).decode()
    assert read == f'{{"resourceType":"Observation","valueQuantity":{{"value":{digits}}}}}'


@pytest.mark.parametrize(
    "body",
    [
        f"<Patient {FHIR}/>",
        f"\ufeff<?xml version='1.0' encoding='utf-8'?><Patient {FHIR}/>",
        f"<?xml version='1.0'?><!-- a --><?xml-stylesheet href='x'?><Patient {FHIR}/>\n",
        "<f:Patient xmlns:f='http://hl7.org/fhir'></f:Patient>",
        f"<Patient {FHIR} {SCHEMA}/>",
    ],
)
def test_what_xml_may_say_besides_is_passed_over(xml, body):
    assert xml.read(body.encode()) == b'{"resourceType":"Patient"}'


def test_prefixes_mean_what_they_are_declared_to(xml):
    body = (
        b"<a:Patient xmlns:a='http://hl7.org/fhir'><b:name xmlns:b='http://hl7.org/fhir'>"
        b"<a:text value='x'/></b:name></a:Patient>"
    )
    assert xml.read(body) == b'{"resourceType":"Patient","name":[{"text":"x"}]}'


@pytest.mark.parametrize(
    ("inside", "expression", "message"),
    [
        ("<nonsense value='x'/>", "Patient.nonsense", "structure-unknown-element"),
        (
            "<name><given><x/></given></name>",
            "Patient.name[0].given[0].x",
            "structure-unknown-element",
        ),
        ("<name><id value='x'/></name>", "Patient.name[0].id", "structure-unknown-element"),
        ("<name value='x'><text value='y'/></name>", "Patient.name[0]", "xml-attribute"),
        ("<active value='true' x='y'/>", "Patient.active", "xml-attribute"),
        ("<active value='true' url='y'/>", "Patient.active", "xml-attribute"),
        ("<active value='true' xml:lang='zh'/>", "Patient.active", "xml-attribute"),
        ("x", "Patient", "xml-text"),
        ("<active value='true'>true</active>", "Patient.active", "xml-text"),
        ("<active value='true'>\u00a0</active>", "Patient.active", "xml-text"),
        ("<active value='true'/><active value='true'/>", "Patient.active", "xml-repeated"),
        ("<gender id='x'/><gender value='male'/>", "Patient.gender", "xml-repeated"),
        ("<active xmlns='' value='true'/>", "Patient.active", "xml-namespace"),
        ("<active xmlns='urn:x' value='true'/>", "Patient.active", "xml-namespace"),
        ("<text><div>x</div></text>", "Patient.text.`div`", "xml-namespace"),
        ("<div xmlns='http://www.w3.org/1999/xhtml'>x</div>", "Patient.`div`", "xml-namespace"),
        ("<active/>", "Patient.active", "xml-empty-element"),
        ("<name/>", "Patient.name[0]", "xml-empty-element"),
        ("<name><given/></name>", "Patient.name[0].given[0]", "xml-empty-element"),
        ("<active value='yes'/>", "Patient.active", "structure-format"),
        ("<multipleBirthInteger value='two'/>", "Patient.multipleBirth", "structure-format"),
        ("<multipleBirthInteger value='+1'/>", "Patient.multipleBirth", "structure-format"),
        ("<multipleBirthInteger value='1e999'/>", "Patient.multipleBirth", "structure-format"),
        ("<multipleBirthInteger value='١'/>", "Patient.multipleBirth", "structure-format"),
        ("<contained/>", "Patient.contained[0]", "xml-resource-missing"),
        (
            "<contained><Nonsense/></contained>",
            "Patient.contained[0]",
            "structure-resource-type-unknown",
        ),
        ("<contained id='x'><Basic/></contained>", "Patient.contained[0]", "xml-attribute"),
        ("<contained><Basic/><Basic/></contained>", "Patient.contained[0].Basic", "xml-repeated"),
        (
            "<contained><Basic><x/></Basic></contained>",
            "Patient.contained[0].x",
            "structure-unknown-element",
        ),
        ("<contained><Basic id='x'/></contained>", "Patient.contained[0]", "xml-attribute"),
    ],
)
def test_what_json_has_no_place_for_is_refused_where_it_stands(xml, inside, expression, message):
    assert (expression, message) in refusals(xml, element(inside))


@pytest.mark.parametrize(
    ("body", "expression", "message"),
    [
        ("<Patient/>", "Patient", "xml-namespace"),
        ("<Patient xmlns='urn:hl7-org:v3'/>", "Patient", "xml-namespace"),
        (f"<Nonsense {FHIR}/>", None, "structure-resource-type-unknown"),
        (f"<DomainResource {FHIR}/>", None, "structure-resource-type-unknown"),
        (f"<Patient {FHIR} id='x'/>", "Patient", "xml-attribute"),
        (f"<Patient {FHIR} xmlns:x='urn:x' x:y=''/>", "Patient", "xml-attribute"),
    ],
)
def test_what_is_no_resource_is_refused(xml, body, expression, message):
    assert refusals(xml, body.encode()) == [(expression, message)]


def test_all_faults_are_told_together(xml):
    found = refusals(xml, element("<a/><active value='x'/><name><b><c/></b></name>y"))
    assert [expression for expression, _ in found] == [
        "Patient.a",
        "Patient.active",
        "Patient.name[0].b",
        "Patient.name[0]",
        "Patient",
    ]


def test_of_very_many_faults_the_first_are_told(xml):
    found = refusals(xml, element("<a/>" * 5000))
    assert len(found) == 501
    assert found[-1] == (None, "structure-more-faults")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body-missing"),
        (b" \n", "body-missing"),
        (b"{}", "xml-malformed"),
        (f"<Patient {FHIR}>".encode(), "xml-malformed"),
        (f"<Patient {FHIR}/><Patient {FHIR}/>".encode(), "xml-malformed"),
        (element("<active value=true/>"), "xml-malformed"),
        (element("<active value='true' value='true'/>"), "xml-malformed"),
        (element("<x:active value='true'/>"), "xml-malformed"),
        (element("<name><text value='&nbsp;'/></name>"), "xml-malformed"),
        (element("<name><text value='&#0;'/></name>"), "xml-malformed"),
        (element("<name><text value='&#xD800;'/></name>"), "xml-malformed"),
        (element("<name><text value='\0'/></name>"), "xml-malformed"),
        (element("<name><text value='?'/></name>").replace(b"?", b"\xff"), "xml-malformed"),
        (element("<name><text value='甲'/></name>").decode().encode("gb18030"), "xml-malformed"),
        (b"<?xml version='1.0' encoding='GBK'?>" + element(""), "xml-encoding"),
        (b"<?xml version='1.0' encoding='UTF-16'?>" + element(""), "xml-encoding"),
        (element("").decode().encode("utf-16"), "xml-encoding"),
        (element("").decode().encode("utf-16-be"), "xml-encoding"),
        (element("").decode().encode("utf-32"), "xml-encoding"),
        (b"<!DOCTYPE Patient>" + element(""), "xml-document-type"),
        (b"<!DOCTYPE Patient SYSTEM 'file:///etc/passwd'>" + element(""), "xml-document-type"),
    ],
)
def test_what_is_not_well_formed_or_in_another_encoding_is_refused(xml, body, message):
    with pytest.raises(BadRequest) as refused:
        xml.read(body)
    assert [issue.message for issue in refused.value.issues] == [message]


def test_what_nests_too_deep_is_refused(xml):
    nested = "<extension url='u'>" * 64 + "<valueCode value='c'/>" + "</extension>" * 64
    with pytest.raises(TooLarge):
        xml.read(element(nested))
    with pytest.raises(TooLarge):
        xml.read(f"<Patient {FHIR}>{'<extension>' * 1_000_000}".encode())
