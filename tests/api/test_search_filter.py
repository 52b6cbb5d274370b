"""_filter over HTTP: https://hl7.org/fhir/R4/search_filter.html."""

from urllib.parse import quote

import pytest

from tests.api.client import link, refused
from tests.builders import TEST, fresh, identifier, observation

LOINC = "http://loinc.org"


@pytest.fixture
def mark():
    return fresh()


@pytest.fixture
def person(fhir, mark):
    """Returns a function that stores a Patient which this test alone finds, and gives its id."""

    def person(name, **elements):
        named = {"name": [{"text": name}], "identifier": [identifier(mark)]}
        return fhir.create({"resourceType": "Patient", **named, **elements})["id"]

    return person


@pytest.fixture
def filtered(fhir, mark):
    """Returns a function from a filter to the ids of this test's people that it finds."""

    def filtered(text):
        return sorted(fhir.ids(f"Patient?identifier={TEST}|{mark}&_filter={quote(text)}"))

    return filtered


def test_comparisons_joined_and_negated(person, filtered):
    old = person("欧阳甲", gender="male", birthDate="1950-02-03")
    young = person("欧阳乙", gender="female", birthDate="2010-05")
    unknown = person("司马丙")
    assert filtered("name sw 欧阳") == sorted([old, young])
    assert filtered("name ew 丙") == [unknown]
    assert filtered('name eq "歐陽甲"') == [old]
    assert filtered("birthdate lt 2000 or gender eq female") == sorted([old, young])
    assert filtered("name co 阳 and birthdate ge 2010") == [young]
    assert filtered("not (gender eq male)") == sorted([young, unknown])
    assert filtered("gender ne male") == [young]
    assert filtered("gender pr false") == [unknown]
    assert filtered("birthdate po 2010-05-17") == [young]
    assert filtered(f"not (_id eq {old} or _id eq {young})") == [unknown]


def test_a_filter_stands_beside_other_parameters_and_repeats(fhir, mark, person):
    found = person("甲", gender="male")
    person("乙", gender="male")
    person("甲", gender="female")
    criteria = f"identifier={mark}&gender=male&_filter={quote('name eq 甲')}"
    assert fhir.ids(f"Patient?{criteria}&_filter={quote('gender pr true')}") == [found]


def test_chains_and_brackets(fhir, mark, person):
    subject = person("甲", gender="male", birthDate="1980")
    stored = fhir.create(observation(subject={"reference": f"Patient/{subject}"}))["id"]
    for text in (
        f"subject re Patient/{subject} and code eq loinc|8310-5",
        f"subject.identifier eq {TEST}|{mark}",
        f"patient[gender eq male].identifier eq {mark}",
        f"subject[identifier eq {mark} and not (gender eq female)].birthdate eq 1980",
        f"patient.identifier eq {mark} and date po 2025-03-01",
    ):
        assert fhir.ids(f"Observation?_filter={quote(text)}") == [stored], text
    without = quote(f"patient[gender eq female].identifier eq {mark}")
    assert fhir.ids(f"Observation?_filter={without}") == []


def test_the_next_page_goes_on_with_the_filter(fhir, mark, person):
    people = {person("甲") for _ in range(5)}
    text = quote(f"identifier eq {mark} and not (name eq 乙)")
    pages = fhir.pages(f"Patient?_filter={text}&_count=2")
    ids = [entry["resource"]["id"] for page in pages for entry in page.get("entry", [])]
    assert len(ids) == len(set(ids)) == 5
    assert set(ids) == people
    assert "_filter=" in link(pages[0], "self")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name", "第 5 个字符"),
        ("name eq", "第 8 个字符"),
        ("name like 甲", "第 6 个字符"),
        ("name eq 甲 xor gender eq male", "第 11 个字符"),
        ("(name eq 甲", "第 11 个字符"),
        ('name eq "甲', "引号"),
        ("name po 2020", "po"),
        ("nothing eq 1", "nothing"),
        ("birthdate eq 2023-02-30", "2023-02-30"),
        ("gender in http://example.org/no-such-set", "no-such-set"),
        ("_filter eq x", "_filter"),
        ("$where eq 1", "第 1 个字符"),
        ("(" * 50, "20"),
        (" or ".join(["gender eq male"] * 101), "100"),
    ],
)
def test_what_is_wrong_with_a_filter_is_told(fhir, text, told):
    (issue,) = refused(fhir.get(f"Patient?_filter={quote(text)}"), 400)
    assert told in issue["details"]["text"]


def test_a_long_filter_is_posted(fhir, mark, person):
    found = person("甲")
    text = " or ".join([f"identifier eq {mark}"] * 90)
    form = f"_filter={quote(text)}".encode()
    answer = fhir.post("Patient/_search", form, Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 200, answer.text
    assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == [found]
    too_long = f"_filter={quote(text + ' ' * 10_000)}".encode()
    issues = refused(
        fhir.post("Patient/_search", too_long, Content_Type="application/x-www-form-urlencoded"),
        400,
    )
    assert "10000" in issues[0]["details"]["text"]


@pytest.mark.parametrize("text", ['name eq "$ne"', "name co .*", 'name ew "(a+)+$"', "name sw \\"])
def test_values_are_only_compared(person, filtered, text):
    person("甲")
    assert filtered(text) == []
