"""A narrative in XML is the same text in JSON, wherever its namespace was declared.

Spec: https://hl7.org/fhir/R4/narrative.html
"""

import json

import pytest

XHTML = "http://www.w3.org/1999/xhtml"
DIV = f'<div xmlns="{XHTML}">'


def read(xml, div, declared=""):
    body = f'<Patient xmlns="http://hl7.org/fhir" {declared}><text>{div}</text></Patient>'
    return json.loads(xml.read(body.encode()))["text"]["div"]


@pytest.mark.parametrize(
    "div",
    [
        f"{DIV}王伟</div>",
        f"{DIV}&lt;&#160;&quot;<br/><b title='&amp;'>b</b >\r\n<!-- c --></div >",
        f'<div xmlns="{XHTML}" xml:lang="zh"><p><p>x</p></p></div>',
        f"<div\n\txmlns='{XHTML}'\n>x</div>",
        f'<div xmlns="{XHTML}"/>',
        f"{DIV}</div>",
        f"{DIV}/></div>",
        f'{DIV}<div xmlns="{XHTML}"><div/></div></div>',
        f"{DIV}<![CDATA[<b>]]></div>",
        f"{DIV}<?php x?></div>",
    ],
)
def test_a_div_that_says_itself_that_it_is_xhtml_stays_to_the_byte(xml, div):
    assert read(xml, div) == div


@pytest.mark.parametrize(
    ("div", "declared", "text"),
    [
        ("<h:div>a<h:br/></h:div>", f'xmlns:h="{XHTML}"', f"{DIV}a<br></br></div>"),
        (f'<h:div xmlns:h="{XHTML}"><h:b>a</h:b></h:div>', "", f"{DIV}<b>a</b></div>"),
        (f'<h:div xmlns="{XHTML}" xmlns:h="{XHTML}"><b>a</b></h:div>', "", f"{DIV}<b>a</b></div>"),
        (
            "<h:div title='&lt;\"' xml:lang='zh'>&lt;&amp;</h:div>",
            f'xmlns:h="{XHTML}"',
            f'<div xmlns="{XHTML}" title=\'&lt;"\' xml:lang="zh">&lt;&amp;</div>',
        ),
        ("<h:div><!-- c -->a</h:div>", f'xmlns:h="{XHTML}"', f"{DIV}a</div>"),
        (
            "<h:div><b>a</b></h:div>",
            f'xmlns:h="{XHTML}"',
            f'{DIV}<b xmlns="http://hl7.org/fhir">a</b></div>',
        ),
    ],
)
def test_another_is_written_so_that_it_says_so(xml, div, declared, text):
    assert read(xml, div, declared) == text


def test_a_div_under_a_namespace_from_further_out_is_written_so_that_it_says_so(xml):
    body = (
        f'<f:Patient xmlns:f="http://hl7.org/fhir" xmlns="{XHTML}">'
        "<f:text><div>a</div></f:text></f:Patient>"
    )
    assert json.loads(xml.read(body.encode()))["text"]["div"] == f"{DIV}a</div>"


def test_what_acts_stays_to_be_refused_by_the_check_of_narratives(xml, faults):
    text = read(xml, f"{DIV}<script>alert(1)</script></div>")
    narrative = {"status": "generated", "div": text}
    found = faults({"resourceType": "Patient", "text": narrative})
    assert found == [("Patient.text.`div`", "narrative-element")]
