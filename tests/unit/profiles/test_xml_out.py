"""A resource is written in XML: in FHIR's order, each value as it is stored.

Spec: https://hl7.org/fhir/R4/xml.html
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import content
from server.profiles.definitions import load
from server.profiles.shapes import shapes
from server.profiles.xml import Xml
from tests.unit.profiles.good_resources import GOOD

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
FHIR = 'xmlns="http://hl7.org/fhir"'
EXTENSION = '<extension url="u"><valueCode value="c"/></extension>'
FACTS = load(content.PROFILES / "r4")
XML = Xml.of(FACTS, shapes(FACTS), max_depth=64)


def written(properties):
    return XML.write(f'{{"resourceType":"Patient"{properties}}}'.encode()).decode()


@pytest.mark.parametrize(
    ("properties", "inside"),
    [
        (
            ',"active":true,"deceasedBoolean":false',
            '<active value="true"/><deceasedBoolean value="false"/>',
        ),
        (',"multipleBirthInteger":2', '<multipleBirthInteger value="2"/>'),
        (',"name":[{"given":["甲","子"]}]', '<name><given value="甲"/><given value="子"/></name>'),
        (
            ',"name":[{"given":["a",null],"_given":[null,{"id":"g"}]}]',
            '<name><given value="a"/><given id="g"/></name>',
        ),
        (
            ',"_birthDate":{"extension":[{"valueCode":"c","url":"u"}],"id":"b"},"birthDate":"1990"',
            f'<birthDate value="1990" id="b">{EXTENSION}</birthDate>',
        ),
        (
            ',"contained":[{"resourceType":"Basic","id":"b","code":{"text":"c"}}]',
            '<contained><Basic><id value="b"/><code><text value="c"/></code></Basic></contained>',
        ),
        (
            ',"text":{"status":"empty","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">a&lt;<br/></div>"}',
            '<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml">a&lt;<br/></div></text>',
        ),
        (',"name":[{"text":"<&>\\"\'"}]', '<name><text value="&lt;&amp;&gt;&quot;\'"/></name>'),
        (',"name":[{"text":"a\\r\\n\\tb"}]', '<name><text value="a&#13;&#10;&#9;b"/></name>'),
        (',"name":[{"text":"a\\ufffeb"}]', '<name><text value="a\ufffdb"/></name>'),
        (',"name":[{"text":"\\ud83d\\ude00"}]', '<name><text value="😀"/></name>'),
    ],
)
def test_properties_become_elements_and_attributes(properties, inside):
    assert written(properties) == f"{HEAD}<Patient {FHIR}>{inside}</Patient>"


def test_a_resource_of_nothing_is_one_tag():
    assert written("") == f"{HEAD}<Patient {FHIR}/>"


def test_elements_come_in_the_order_of_fhir():
    """xml.html: elements must always appear in the order documented."""
    text = written(
        ',"birthDate":"1990","name":[{"text":"t","use":"usual","id":"n"}],"language":"zh",'
        '"meta":{"tag":[{"code":"c","system":"s"}],"versionId":"1"},"id":"p"'
    )
    assert text == (
        f'{HEAD}<Patient {FHIR}><id value="p"/><meta><versionId value="1"/><tag>'
        '<system value="s"/><code value="c"/></tag></meta><language value="zh"/>'
        '<name id="n"><use value="usual"/><text value="t"/></name>'
        '<birthDate value="1990"/></Patient>'
    )


def test_for_people_each_element_has_a_line_and_narratives_stay():
    div = '<div xmlns="http://www.w3.org/1999/xhtml">a <b>b</b></div>'
    resource = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": div},
        "name": [{"family": "王"}],
    }
    assert XML.write(json.dumps(resource).encode(), pretty=True).decode() == (
        f'{HEAD}\n<Patient {FHIR}>\n  <text>\n    <status value="generated"/>\n    {div}\n'
        '  </text>\n  <name>\n    <family value="王"/>\n  </name>\n</Patient>\n'
    )


@pytest.mark.parametrize("resource", GOOD)
@pytest.mark.parametrize("pretty", [False, True])
def test_what_is_written_reads_as_what_was_there(resource, pretty):
    body = json.dumps(resource).encode()
    assert json.loads(XML.read(XML.write(body, pretty=pretty))) == resource


_TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff").filter(
        lambda one: one >= " "
    )
    | st.sampled_from("\t\r\n<>&\"'")
)


@given(_TEXT)
def test_any_text_survives(text):
    resource = {"resourceType": "Patient", "name": [{"text": text}]}
    assert json.loads(XML.read(XML.write(json.dumps(resource).encode()))) == resource


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
)
def test_any_digits_survive(digits):
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{digits}}}}}'.encode()
    assert XML.read(XML.write(body)) == body
