"""XML that reaches out, blows up, or is not what it says: refused in words, nothing stored.

Spec: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/security.html#xml
"""

import time

import pytest

from server.fhir.xml_events import MOST_ELEMENTS
from tests.api.client import refused
from tests.api.xml import XHTML
from tests.builders import fresh

FHIR = 'xmlns="http://hl7.org/fhir"'
XML = {"Content_Type": "application/fhir+xml"}
MEGABYTE = 1024 * 1024


@pytest.fixture
def post(fhir, mark):
    """Return a function that posts a Patient which could be found, with more in it."""

    def posted(inside, head="", encoding="utf-8"):
        found = f'<identifier><value value="{mark}"/></identifier>'
        body = f"{head}<Patient {FHIR}>{found}{inside}</Patient>"
        return fhir.post("Patient", body.encode(encoding), **XML)

    return posted


def messages(answer, *statuses):
    return {issue["details"]["coding"][0]["code"] for issue in refused(answer, *statuses)}


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Patient [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>',
        '<!DOCTYPE Patient [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>',
        '<!DOCTYPE Patient SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE Patient PUBLIC "x" "file:///dev/zero">',
        '<!DOCTYPE Patient [<!ATTLIST Patient x CDATA "y">]>',
        "<!DOCTYPE Patient>",
    ],
)
def test_a_document_type_is_refused_whatever_it_declares(post, declared):
    """CWE-611: an entity of another file or host is never read."""
    assert messages(post('<name><text value="&x;"/></name>', declared), 400) == {
        "xml-document-type"
    }


def test_entities_that_multiply_are_refused_at_once(post):
    """CWE-776, a billion laughs."""
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE Patient [<!ENTITY e0 "lol">{bomb}]>'
    started = time.monotonic()
    assert messages(post('<name><text value="&e11;"/></name>', head), 400) == {"xml-document-type"}
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "entity", ["&nbsp;", "&x;", "&#0;", "&#1;", "&#xD800;", "&#xFFFE;", "&#x110000;"]
)
def test_entities_that_xml_does_not_have_are_refused(post, entity):
    assert messages(post(f'<name><text value="{entity}"/></name>'), 400) == {"xml-malformed"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_refused_even_if_it_is_declared(post, encoding):
    """xml.html: resources SHALL be exchanged in UTF-8."""
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    assert messages(post("", head, encoding), 400) == {"xml-encoding"}


@pytest.mark.parametrize(
    "encoding", ["GBK", "gb18030", "ISO-8859-1", "UTF-7", "IBM037", "nonsense"]
)
def test_an_encoding_that_is_only_declared_is_refused(post, encoding):
    assert messages(post("", f'<?xml version="1.0" encoding="{encoding}"?>'), 400) == {
        "xml-encoding"
    }


def test_chinese_that_is_not_in_utf_8_is_refused(post):
    assert messages(post('<name><text value="陈甲子"/></name>', "", "gb18030"), 400) == {
        "xml-malformed"
    }


@pytest.mark.parametrize(
    "bytes_", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xbd"]
)
@pytest.mark.parametrize(
    "place",
    [
        "<name><text value='?'/></name>",
        "<?/>",
        "<!-- ? -->",
        "<text><div xmlns='http://www.w3.org/1999/xhtml'>?</div></text>",
        "<text><div xmlns='http://www.w3.org/1999/xhtml'><!-- ? -->x</div></text>",
    ],
)
def test_bytes_that_are_not_utf_8_are_refused_wherever_they_stand(fhir, mark, bytes_, place):
    found = f'<identifier><value value="{mark}"/></identifier>'
    body = f"<Patient {FHIR}>{found}{place}</Patient>".encode().replace(b"?", bytes_)
    assert messages(fhir.post("Patient", body, **XML), 400) == {"xml-malformed"}


def test_a_byte_order_mark_of_utf_8_is_taken(fhir):
    body = f"\ufeff<Patient {FHIR}><active value='true'/></Patient>".encode()
    assert fhir.post("Patient", body, **XML).status_code == 201


@pytest.mark.parametrize(
    "inside",
    [
        "<extension url='u'>" * 10_000 + "</extension>" * 10_000,
        "<extension url='u'>" * 1_000_000,
        "<contained><Patient>" * 10_000 + "</Patient></contained>" * 10_000,
    ],
    ids=["closed", "open", "resources"],
)
def test_what_nests_too_deep_is_refused(post, inside):
    assert messages(post(inside), 413) == {"xml-too-deep"}


@pytest.mark.parametrize(
    ("inside", "statuses"),
    [
        (f"<name><text value='{'x' * 10 * MEGABYTE}'/></name>", (422,)),
        (f"<name><text value='{'&lt;' * 2 * MEGABYTE}'/></name>", (422,)),
        (f"<{'x' * 10 * MEGABYTE}/>", (422,)),
        (f"<name {'x' * 10 * MEGABYTE}='y'/>", (422,)),
        ("<name " + " ".join(f"a{n}='x'" for n in range(200_000)) + "/>", (422,)),
        ("<name " + " ".join(f"xmlns:a{n}='u{n}'" for n in range(200_000)) + "/>", (422,)),
        ("<nonsense/>" * 500_000, (422,)),
        (f"<multipleBirthInteger value='{'9' * MEGABYTE}'/>", (422,)),
        ("x" * 10 * MEGABYTE, (422,)),
    ],
    ids=["value", "escaped value", "name", "attribute name", "attributes", "namespaces",
         "elements", "digits", "text"],
)  # fmt: skip
def test_what_is_very_long_or_very_many_is_refused_in_few_words(post, inside, statuses):
    answer = post(inside)
    refused(answer, *statuses)
    assert len(answer.content) < MEGABYTE


def test_a_body_beyond_the_limit_is_refused(post):
    assert messages(post(" " * 33 * MEGABYTE), 413) == {"body-too-large"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "x",
        "{}",
        '{"resourceType":"Patient"}',
        "<",
        "<Patient",
        f"<Patient {FHIR}>",
        f"<Patient {FHIR}></patient>",
        f"<Patient {FHIR}/><Patient {FHIR}/>",
        f"<Patient {FHIR}/>x",
        f"<Patient {FHIR}>\0</Patient>",
        f"<Patient {FHIR}>\x01</Patient>",
        f"<Patient {FHIR}><x:active value='true'/></Patient>",
        f"<Patient {FHIR} {FHIR}/>",
        f"<Patient {FHIR}><active value='a' value='b'/></Patient>",
        f"<Patient {FHIR}><![CDATA[x</Patient>",
        f"<Patient {FHIR}><!-- -- --></Patient>",
        f"<Patient {FHIR} xmlns:xmlns='u'/>",
        "<Patient xmlns='a b'/>",
        f"<?xml version='1.0'?><?xml version='1.0'?><Patient {FHIR}/>",
    ],
)
def test_what_is_not_well_formed_is_400(fhir, body):
    refused(fhir.post("Patient", body.encode(), **XML), 400)
    id = fresh()
    refused(fhir.put(f"Patient/{id}", body.encode(), **XML), 400)
    refused(fhir.get(f"Patient/{id}"), 404)


@pytest.mark.parametrize(
    "body",
    [
        "<Patient/>",
        "<Patient xmlns='urn:hl7-org:v3'/>",
        f"<Nonsense {FHIR}/>",
        f"<Observation {FHIR}/>",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        f"<Patient {FHIR}><name>王</name></Patient>",
        f"<Patient {FHIR}><gender value=''/></Patient>",
        f"<Patient {FHIR}><fhir_comments value='x'/></Patient>",
        f"<Patient {FHIR}><resourceType value='Observation'/></Patient>",
        f"<Patient {FHIR}><_gender id='x'/></Patient>",
    ],
)
def test_what_is_no_patient_is_refused(fhir, body):
    refused(fhir.post("Patient", body.encode(), **XML), 400, 422)


@pytest.mark.parametrize(
    "div",
    [
        "<div>no namespace of its own</div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'><a onclick='x()'>x</a></div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'><a href='javascript:x'>x</a></div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'><![CDATA[<script>]]></div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'><?php x?></div>",
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml'><h:script>x</h:script></h:div>",
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml'><svg xmlns='http://www.w3.org/2000/svg'/>x</h:div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'/>",
    ],
)
def test_a_narrative_that_is_active_or_empty_is_refused(post, div):
    refused(post(f"<text><status value='generated'/>{div}</text>"), 422)


def test_the_server_still_answers(fhir):
    assert fhir.post("Patient", f"<Patient {FHIR}/>".encode(), **XML).status_code == 201


@pytest.mark.parametrize(
    "inside",
    [
        "<name>" + "<given value='x'/>" * MOST_ELEMENTS + "</name>",
        f"<text><div xmlns='{XHTML}'>" + "<b/>" * MOST_ELEMENTS + "</div></text>",
        "<unknown>" + "<b/>" * MOST_ELEMENTS + "</unknown>",
        "<name/>" * 3 + "<name><given value='x'/></name>" * (MOST_ELEMENTS // 2),
        "<name><given value='x'/></name>" * 1_000_000 + "<not well-formed",
    ],
    ids=["primitives", "narrative", "unknown", "complex", "early"],
)  # fmt: skip
def test_more_elements_than_any_resource_has_are_refused(post, inside):
    """CWE-400."""
    assert messages(post(inside), 413) == {"xml-too-many-elements"}
