"""Every way on which a value can be observed, tried for hidden and for masked elements (R1.8b)."""

import re
from urllib.parse import quote

import pytest

from tests.security.access.shapes import ID_CARD, condition, observation, reference
from tests.security.access.tokens import BY_NAME, NORTH, app, system
from tests.security.access.world import WHOLE, database_name, serving

MASKS = {
    "Patient": (("birthDate", "deceased"), ("identifier", "name")),
    "Observation": (("effective",), ("value",)),
    "List": (("entry",), ()),
}
MASKED = app("masked", "patient/*.rs", "Patient/a", masks=MASKS)
SYSTEM = system("masked-system", "system/*.cruds", masks=MASKS)
_SECRET = re.compile("陈a|陈b|19800101|birthDate|deceased|effectiveDate|valueQuantity|0001</div>")
_URL = re.compile('"url":"[^"]*"')
"""Repeats what was asked."""
NUMBER = quote(f"{ID_CARD}|{NORTH}198001010001")


def secrets(got):
    """Return what an answer tells that masks hide."""
    return _SECRET.findall(_URL.sub("", got.body.decode()))


@pytest.mark.parametrize("token", [MASKED, SYSTEM], ids=lambda token: token.name)
@pytest.mark.parametrize(
    "path",
    [
        "Patient/a",
        "Patient/a/_history/1",
        "Patient/a/_history",
        "Patient/_history",
        "_history",
        "Patient",
        "Patient?_elements=birthDate,identifier,name,text",
        *(f"Patient?_summary={how}" for how in ("true", "text", "data")),
        "Patient/a?_summary=text",
        "Patient/a?_pretty=true",
        "Observation",
        "Observation/a-told",
        "Observation/a-said",
        "Observation/a-within",
        "Observation?_summary=text",
        "Observation?_include=Observation:subject",
        "Patient?_revinclude=Observation:subject",
        "Encounter?_include=*&_revinclude=*",
        "Patient/a/*",
        "Patient/a/Observation",
        "?_type=Patient,Observation",
        "?_id=a,a-told,a-said",
    ],
)
def test_no_answer_shows_what_is_not_to_be_seen(world, token, path):
    got = world.wire.get(path, token)
    assert got.status == 200
    assert got.json["resourceType"]
    assert secrets(got) == []


@pytest.mark.parametrize(
    "path",
    [
        "Patient?birthdate=lt1960",
        "Patient?birthdate:missing=true",
        "Patient?deceased=false",
        "Patient?death-date=gt2020",
        "Patient?name=%E9%99%88",
        "Patient?pinyin=chen",
        f"Patient?identifier={NUMBER}",
        "Patient?birthdate=lt1960&_summary=count",
        "Patient?birthdate=lt1960&_total=accurate",
        "Patient?_filter=birthdate%20lt%201960",
        "Patient?_content=%E9%99%88",
        "Patient?_sort=birthdate",
        "Patient?_sort=-deceased",
        "Patient?_has:Observation:subject:date=gt2024",
        "Practitioner?_has:Patient:general-practitioner:birthdate=lt1960",
        "Observation?date=gt2024",
        "Observation?_sort=-date",
        "Observation?value-quantity=gt37",
        "Observation?value-quantity:missing=true",
        "Observation?code-value-quantity=8310-5$gt37",
        "Observation?subject:Patient.birthdate=lt1960",
        "Observation?subject:Patient.name=%E9%99%88",
        f"Observation?subject:identifier={NUMBER}",
        f"Observation?performer:identifier={NUMBER}",
        "Observation?_text=0001",
        "Observation?_content=%E9%99%88a",
        "Encounter?_content=%E9%99%88a",
        "DiagnosticReport?_text=%E9%99%88a",
        "DiagnosticReport?result._text=0001",
        "Observation?_list=list-a",
        "List?item=Observation/lab-a",
        "List?_include=List:item",
        "Observation?_revinclude=List:item",
        "Observation?_explain=true",
    ],
)
def test_nothing_hidden_can_be_asked_for(world, path):
    assert world.wire.get(path, BY_NAME["app-a"]).status in (200, 403, 503)
    assert world.wire.get(path, MASKED).status == 403


def test_nobody_asks_for_an_order_and_gets_that_of_hidden_dates(world):
    path, whole = "Observation?patient=a", BY_NAME["app-a"]
    ids = [key[1] for key in world.wire.get(path, MASKED).keys("match")]
    assert ids == sorted(ids)
    assert ids != [key[1] for key in world.wire.get(path, whole).keys("match")]


def test_an_include_of_everything_does_not_follow_a_hidden_reference(world):
    asked = "Observation?_id=lab-a&_revinclude=*", "List?_id=list-a&_include=*"
    reverse, forward = (world.wire.get(path, MASKED).keys("include") for path in asked)
    assert reverse
    assert not {"List"} & {type for type, _, _ in reverse}
    assert not {"Observation"} & {type for type, _, _ in forward}


@pytest.fixture(scope="module")
def wire(mongodb_url, tmp_path_factory):
    """A server on a database that may be written to."""
    log = tmp_path_factory.mktemp("masked") / "server.log"
    with serving(mongodb_url, log, database_name()) as wire:
        yield wire


SUBJECT = reference("Patient/a", display="陈a")


def test_what_is_not_seen_whole_cannot_be_overwritten_nor_guessed_by_trying(wire):
    """A guess that is right would make no new version, a wrong one would."""
    told = observation("told", None, "laboratory") | {"subject": SUBJECT}
    assert wire.send("PUT", "Condition/told", WHOLE, condition_of(SUBJECT)).status == 201
    assert wire.send("PUT", "Observation/told", WHOLE, told).status == 201
    assert wire.send("PUT", "Condition/told", SYSTEM, condition_of(SUBJECT)).status == 403
    assert wire.send("PUT", "Observation/told", SYSTEM, told).status == 403


def test_what_is_seen_whole_can_be_overwritten(wire):
    bare = condition_of(reference("Patient/a"))
    assert wire.send("PUT", "Condition/bare", WHOLE, bare | {"id": "bare"}).status == 201
    changed = bare | {"id": "bare", "recordedDate": "2025-01-01"}
    assert wire.send("PUT", "Condition/bare", SYSTEM, changed).status == 200


@pytest.mark.parametrize("criteria", ["date=gt2024", "subject:Patient.birthdate=1951-03-04"])
def test_a_condition_of_a_write_asks_for_nothing_hidden(wire, criteria):
    new = observation("x", None, "laboratory")
    assert wire.send("POST", "Observation", SYSTEM, new, If_None_Exist=criteria).status == 403
    assert wire.send("PUT", f"Observation?{criteria}", SYSTEM, new).status == 403
    assert wire.send("DELETE", f"Observation?{criteria}", SYSTEM).status == 403


def test_the_answer_to_a_write_shows_no_more_than_a_read(wire):
    new = observation("x", None, "laboratory") | {"subject": SUBJECT}
    got = wire.send("POST", "Observation", SYSTEM, new, Prefer="return=representation")
    assert got.status == 201
    assert secrets(got) == []


def condition_of(subject):
    return condition("told", "Patient/a", "J06") | {"subject": subject}
