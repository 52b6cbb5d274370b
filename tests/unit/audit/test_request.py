"""What the trail keeps of a request does not say who a patient is."""

import pytest

from server import content
from server.audit.request import Requests, unread
from server.profiles.definitions import load

REQUESTS = Requests(load(content.PROFILES / "r4"))
CARD = "110101199003071234"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("identifier", f"urn:oid:2.16|{CARD}", "urn:oid:2.16|110101********1234"),
        ("identifier", CARD, "110101********1234"),
        ("identifier", f"{CARD},13812345678", "110101********1234,138****5678"),
        ("identifier:of-type", f"a|b|{CARD}", "a|b|110101********1234"),
        ("subject:identifier", CARD, "110101********1234"),
        ("patient.identifier", CARD, "110101********1234"),
        ("_has:Observation:patient:identifier", CARD, "110101********1234"),
        ("name", "陈甲子", "陈**"),
        ("name:exact", "陈甲子", "陈**"),
        ("subject:Patient.family", "陈", "陈**"),
        ("phone", "13812345678", "138****5678"),
        ("_content", "陈甲子 高血压", "陈**"),
        ("_filter", f'identifier eq "{CARD}"', "i**"),
        ("email", "chen.jiazi@example.org", "c**"),
        ("unheard-of", CARD, "110101********1234"),
        ("gender", "female", "female"),
        ("birthdate", "ge1990", "ge1990"),
        ("code", "http://loinc.org|8310-5", "http://loinc.org|8310-5"),
        ("subject", "Patient/a", "Patient/a"),
        ("subject:Patient", "a", "a"),
        ("patient.gender:not", "male", "male"),
        ("_count", "20", "20"),
        ("_include", "Observation:subject", "Observation:subject"),
    ],
)
def test_values_that_can_name_a_person_are_masked(name, value, kept):
    assert REQUESTS.text("GET Patient", [(name, value)]) == f"GET Patient?{name}={kept}"


def test_headers_are_bounded_and_no_line_begins_within_one():
    text = REQUESTS.text("GET Patient", (), [("User-Agent", "a\r\nX: b" + "c" * 1000), ("Y", None)])
    first, second = text.split("\r\n")
    assert first == "GET Patient"
    assert second.startswith("User-Agent: a  X: b")
    assert len(second) < 250


def test_of_very_many_parameters_the_first_are_kept():
    text = REQUESTS.text("GET Patient", [("gender", "male")] * 900)
    assert len(text) < 2000
    assert text.endswith("…")


def test_a_path_that_means_nothing_keeps_no_long_numbers():
    assert unread(f"Patient/by-card/{CARD}") == "Patient/by-card/110101********1234"
    assert len(unread("a" * 5000)) == 200
