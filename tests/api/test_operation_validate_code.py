"""$validate-code of code systems and value sets, ConceptMap/$translate.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

import pytest

from tests.api.client import refused
from tests.api.test_operation_expand import value_set
from tests.api.test_operation_lookup import code_system, told
from tests.builders import fresh

SYSTEM = "http://hl7.org/fhir/administrative-gender"
GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"


def judged(answer):
    found = told(answer)
    return found["result"][0], found.get("message", [""])[0], found.get("display", [None])[0]


@pytest.mark.parametrize(
    ("query", "good", "said"),
    [
        (f"url={GENDER}&system={SYSTEM}&code=male", True, ""),
        (f"url={GENDER}&system={SYSTEM}&code=male&display=male", True, ""),
        (f"url={GENDER}&system={SYSTEM}&code=male&display=Female", False, "Male"),
        (f"url={GENDER}&system={SYSTEM}&code=nobody", False, "nobody"),
        (f"url={GENDER}&system=urn:other&code=male", False, "urn:other"),
        (f"url={GENDER}&system={SYSTEM}&systemVersion=0&code=male", False, ""),
        ("url=http://hl7.org/fhir/ValueSet/ucum-units&system=http://unitsofmeasure.org&code=mg",
         False, "unitsofmeasure"),
    ],
)  # fmt: skip
def test_a_code_is_judged_by_a_value_set(fhir, query, good, said):
    is_good, message, _ = judged(fhir.get(f"ValueSet/$validate-code?{query}"))
    assert is_good is good
    assert said in message
    assert good or message


@pytest.mark.parametrize(
    ("concept", "good"),
    [
        (
            {"coding": [{"system": "urn:other", "code": "x"}, {"system": SYSTEM, "code": "male"}]},
            True,
        ),
        ({"coding": [{"system": "urn:other", "code": "x"}]}, False),
        ({"text": "a man"}, False),
    ],
)
def test_one_coding_of_a_concept_is_enough(fhir, concept, good):
    rows = [
        {"name": "url", "valueUri": GENDER},
        {"name": "codeableConcept", "valueCodeableConcept": concept},
    ]
    body = {"resourceType": "Parameters", "parameter": rows}
    assert judged(fhir.post("ValueSet/$validate-code", body))[0] is good


@pytest.fixture
def divisions(fhir):
    """A code system with a division that was abolished in 2010, and its value set."""

    def valid(**years):
        return [{"code": name, "valueDateTime": year} for name, year in years.items()]

    gone = [*valid(validTo="2010"), {"code": "inactive", "valueBoolean": True}]
    group = [{"code": "notSelectable", "valueBoolean": True}]
    system = fhir.create(
        code_system(
            concept=[
                {"code": "11", "display": "甲区", "property": gone},
                {"code": "12", "display": "乙区", "property": valid(validFrom="2011")},
                {"code": "g", "display": "各区", "property": group},
            ]
        )
    )
    return {**fhir.create(value_set({"system": system["url"]})), "system": system["url"]}


@pytest.mark.parametrize(
    ("code", "date", "expected"),
    [
        ("11", "1980-05-01", (True, "")),
        ("11", "2010-12-31", (True, "")),
        ("11", "2011-01-01", (False, "2011-01-01")),
        ("11", None, (True, "停用")),
        ("12", "1980", (False, "1980")),
        ("12", "2011", (True, "")),
        ("12", None, (True, "")),
        ("g", None, (False, "归类")),
    ],
)
def test_a_code_is_valid_for_its_time(fhir, divisions, code, date, expected):
    good, said = expected
    query = f"url={divisions['url']}&system={divisions['system']}&code={code}"
    query += "" if date is None else f"&date={date}"
    is_good, message, _ = judged(fhir.get(f"ValueSet/$validate-code?{query}"))
    assert (is_good, said in message) == (good, True)
    on_instance = f"ValueSet/{divisions['id']}/$validate-code?{query.partition('&')[2]}"
    assert judged(fhir.get(on_instance))[0] is good


def test_what_only_groups_is_taken_where_that_is_said(fhir, divisions):
    query = f"url={divisions['url']}&system={divisions['system']}&code=g&abstract=true"
    assert judged(fhir.get(f"ValueSet/$validate-code?{query}"))[0] is True


def test_a_version_in_the_coding_decides_the_edition(fhir):
    url = f"http://example.org/{fresh()}"
    for version in ("1", "2"):
        fhir.create(code_system(url, version=version, concept=[{"code": f"v{version}"}]))
    stored = fhir.create(value_set({"system": url}))["url"]
    asked = f"ValueSet/$validate-code?url={stored}&system={url}"
    assert judged(fhir.get(f"{asked}&code=v1&systemVersion=1"))[0] is True
    assert judged(fhir.get(f"{asked}&code=v1&systemVersion=2"))[0] is False
    assert judged(fhir.get(f"{asked}&code=v1"))[0] is False
    assert judged(fhir.get(f"{asked}&code=v2"))[0] is True


def test_a_code_is_judged_by_a_code_system(fhir):
    system = fhir.create(code_system(caseSensitive=False))
    asked = f"CodeSystem/$validate-code?url={system['url']}"
    assert judged(fhir.get(f"{asked}&code=dog")) == (True, "", "狗")
    assert judged(fhir.get(f"{asked}&code=DOG"))[0] is True
    assert judged(fhir.get(f"{asked}&code=unicorn"))[0] is False
    assert judged(fhir.get(f"CodeSystem/{system['id']}/$validate-code?code=pug"))[0] is True
    given = {"name": "codeSystem", "resource": code_system()}
    rows = [given, {"name": "code", "valueCode": "pug"}]
    body = {"resourceType": "Parameters", "parameter": rows}
    assert judged(fhir.post("CodeSystem/$validate-code", body))[0] is True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ValueSet/$validate-code?code=male", 400),
        (f"ValueSet/$validate-code?url={GENDER}&code=male", 400),
        (f"ValueSet/$validate-code?url={GENDER}", 400),
        ("ValueSet/$validate-code?url=urn:none&system=a&code=b", 404),
        ("CodeSystem/$validate-code?url=urn:none&code=b", 404),
        ("CodeSystem/$validate-code?code=b", 400),
        ("ConceptMap/$translate?code=b", 400),
        ("ConceptMap/$translate?system=a", 400),
        ("ConceptMap/$translate?url=urn:none&system=a&code=b", 404),
        ("ConceptMap/$translate?conceptMapVersion=1&system=a&code=b", 400),
    ],
)
def test_what_is_asked_wrongly_is_refused(fhir, path, status):
    refused(fhir.get(path), status)


def target(code, equivalence="equivalent"):
    return {"code": code, "equivalence": equivalence}


@pytest.fixture
def sexes(fhir):
    """A map from a system of numbers to one of words."""
    url = f"http://example.org/{fresh()}"
    group = {
        "source": f"{url}/numbers",
        "target": f"{url}/words",
        "element": [
            {"code": "1", "target": [target("male")]},
            {"code": "2", "target": [target("female", "wider")]},
            {"code": "9", "target": [{"equivalence": "unmatched"}]},
        ],
        "unmapped": {"mode": "fixed", "code": "unknown"},
    }
    return fhir.create(
        {"resourceType": "ConceptMap", "url": url, "status": "active", "group": [group]}
    )


def matched(answer):
    found = told(answer)
    pairs = [
        (one["equivalence"], one.get("concept", {}).get("code")) for one in found.get("match", ())
    ]
    return found["result"][0], pairs


@pytest.mark.parametrize(
    ("code", "reverse", "expected"),
    [
        ("1", False, (True, [("equivalent", "male")])),
        ("2", False, (True, [("wider", "female")])),
        ("9", False, (False, [("unmatched", None)])),
        ("7", False, (True, [("inexact", "unknown")])),
        ("female", True, (True, [("narrower", "2")])),
        ("nobody", True, (False, [])),
    ],
)
def test_a_code_is_translated_both_ways(fhir, sexes, code, reverse, expected):
    system = f"{sexes['url']}/{'words' if reverse else 'numbers'}"
    query = f"system={system}&code={code}&reverse={str(reverse).lower()}"
    for path in (
        f"ConceptMap/$translate?url={sexes['url']}&{query}",
        f"ConceptMap/{sexes['id']}/$translate?{query}",
        f"ConceptMap/$translate?{query}",
    ):
        assert matched(fhir.get(path)) == expected


def test_all_maps_of_a_code_are_asked_unless_a_target_is_named(fhir, sexes):
    other = {**sexes["group"][0], "target": "urn:other"}
    fhir.create(
        {
            "resourceType": "ConceptMap",
            "url": f"{sexes['url']}/2",
            "status": "active",
            "group": [other],
        }
    )
    query = f"system={sexes['url']}/numbers&code=1"
    assert len(matched(fhir.get(f"ConceptMap/$translate?{query}"))[1]) >= 1
    found = told(fhir.get(f"ConceptMap/$translate?{query}&targetsystem=urn:other"))
    assert [one["concept"]["system"] for one in found.get("match", [])] in ([], ["urn:other"])
