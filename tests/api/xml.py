"""FHIR in XML for tests: how it is written, and what is read from answers."""

from xml.etree import ElementTree as ET

from tests.api.client import HAN

FHIR_XML = "application/fhir+xml"
FHIR = {"f": "http://hl7.org/fhir"}
XHTML = "http://www.w3.org/1999/xhtml"


def in_xml(inside, type="Patient"):
    return f'<{type} xmlns="http://hl7.org/fhir">{inside}</{type}>'.encode()


def post(xml, type, inside, **headers):
    return xml.post(type, in_xml(inside, type), Content_Type=FHIR_XML, **headers)


def root(response, *statuses):
    """Return the root element of an answer in XML, whose status is one of `statuses`."""
    assert response.status_code in (statuses or (200,)), response.text
    assert response.headers["Content-Type"] == f"{FHIR_XML}; charset=utf-8"
    return ET.fromstring(response.content)


def name(element):
    return element.tag.removeprefix("{http://hl7.org/fhir}")


def value(element, path):
    found = element.find("/".join(f"f:{step}" for step in path.split("/")), FHIR)
    return None if found is None else found.get("value")


def told(response, status, language="zh"):
    """Return the message keys of a refusal in XML."""
    outcome = root(response, status)
    assert name(outcome) == "OperationOutcome"
    texts = [one.get("value") for one in outcome.findall("f:issue/f:details/f:text", FHIR)]
    assert texts
    assert all(bool(HAN.search(text)) == (language == "zh") for text in texts)
    keys = outcome.findall("f:issue/f:details/f:coding/f:code", FHIR)
    return [one.get("value") for one in keys]
