"""HL7's own examples go through XML without loss, and another's converter agrees with ours.

Spec: https://hl7.org/fhir/R4/xml.html
"""

import json
import subprocess
from xml.etree import ElementTree as ET

import pytest

from server import content
from server.profiles.definitions import load
from server.profiles.shapes import shapes
from server.profiles.xml import Xml
from tests.browser.chromium import MODULES, NODE
from tests.conformance.test_structure_examples import examples

# Ten Bundles of definitions are larger; what is in them is in smaller examples, too.
HUGE = 3_000_000
LARGE = 200_000
DIV = "{http://www.w3.org/1999/xhtml}div"
# The other converter loses an element that has extensions and no value, if it may be repeated.
LOST_BY_OTHERS = {
    "ActivityDefinition-administer-zika-virus-exposure-assessment.json",
    "ActivityDefinition-heart-valve-replacement.json",
    "ActivityDefinition-provide-mosquito-prevention-advice.json",
    "ActivityDefinition-referralPrimaryCareMentalHealth-initial.json",
    "ActivityDefinition-referralPrimaryCareMentalHealth.json",
    "ActivityDefinition-serum-dengue-virus-igm.json",
    "ActivityDefinition-serum-zika-dengue-virus-igm.json",
    "PlanDefinition-example-cardiology-os.json",
    "PlanDefinition-low-suicide-risk-order-set.json",
}
# ... and refuses a decimal in the notation of an exponent.
REFUSED_BY_OTHERS = {"Observation-decimal.json"}


@pytest.fixture(scope="module")
def xml():
    facts = load(content.PROFILES / "r4")
    return Xml.of(facts, shapes(facts), max_depth=64)


@pytest.fixture(scope="module")
def bodies(r4_package):
    return {name: body for name, body in examples(r4_package) if len(body) < HUGE}


@pytest.fixture(scope="module")
def others(bodies, xml):
    """Return what the other converter makes of each example that is not large, by its name."""
    names = [name for name, body in bodies.items() if len(body) < LARGE]
    lines = [
        json.dumps({"json": bodies[name].decode(), "xml": xml.write(bodies[name]).decode()})
        for name in names
    ]
    done = subprocess.run(
        [NODE, MODULES.parent / "xml.mjs"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    made = map(json.loads, done.stdout.splitlines())
    return dict(zip(names, made, strict=True))


def exact(body):
    """Return `body` parsed so that two are equal only if their digits are."""
    return json.loads(
        body, parse_float=lambda digits: (digits,), parse_int=lambda digits: (digits,)
    )


def without_narrative(value):
    """Return JSON without narratives, whose blanks others change, and empty arrays they add."""
    match value:
        case dict():
            inside = {name: without_narrative(one) for name, one in value.items() if name != "div"}
            return {name: one for name, one in inside.items() if one != []}
        case list():
            return [without_narrative(one) for one in value]
    return value


def canonical(body):
    """Return the XML `body` without narratives in its canonical form."""
    return ET.canonicalize(body, strip_text=True, exclude_tags=[DIV])


def test_every_example_comes_back_with_all_its_digits(bodies, xml):
    assert len(bodies) > 1000
    differ = [
        name for name, body in bodies.items() if exact(xml.read(xml.write(body))) != exact(body)
    ]
    assert differ == []


def test_once_in_the_order_of_fhir_an_example_comes_back_to_the_byte(bodies, xml):
    for name, body in bodies.items():
        if len(body) < LARGE:
            ordered = xml.read(xml.write(body))
            assert xml.read(xml.write(ordered, pretty=True)) == ordered, name


def test_another_reads_our_xml_as_the_same_resource(bodies, others):
    refused = {name for name, made in others.items() if not made["json"].startswith("{")}
    assert refused == REFUSED_BY_OTHERS
    differ = {
        name
        for name, made in others.items()
        if name not in refused
        and without_narrative(json.loads(made["json"]))
        != without_narrative(json.loads(bodies[name]))
    }
    assert differ == set()


def test_we_read_the_xml_of_another_as_the_same_resource(bodies, others, xml):
    differ = {
        name
        for name, made in others.items()
        if without_narrative(json.loads(xml.read(made["xml"].encode())))
        != without_narrative(json.loads(bodies[name]))
    }
    assert differ == LOST_BY_OTHERS


def test_another_writes_the_same_elements_in_the_same_order(others, xml):
    differ = {
        name
        for name, made in others.items()
        if canonical(made["xml"]) != canonical(xml.write(made["plain"].encode()).decode())
    }
    assert differ == LOST_BY_OTHERS
