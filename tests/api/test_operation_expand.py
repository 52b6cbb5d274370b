"""ValueSet/$expand: https://hl7.org/fhir/R4/valueset-operation-expand.html."""

from urllib.parse import quote

import pytest

from tests.api.client import refused
from tests.api.test_operation_lookup import code_system
from tests.builders import fresh

GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"


def expansion(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "ValueSet"
    return body["expansion"]


def codes(answer):
    return [one["code"] for one in expansion(answer).get("contains", ())]


def posted(fhir, **parameters):
    rows = [
        {"name": name.replace("_", "-"), ("resource" if name == "valueSet" else kind): value}
        for name, (kind, value) in parameters.items()
    ]
    body = {"resourceType": "Parameters", "parameter": rows}
    return fhir.post("ValueSet/$expand", body)


def value_set(*include, **compose):
    return {
        "resourceType": "ValueSet",
        "url": f"http://example.org/{fresh()}",
        "status": "active",
        "compose": {"include": list(include), **compose},
    }


@pytest.fixture
def system(fhir):
    return fhir.create(code_system())["url"]


@pytest.fixture
def everything(fhir, system):
    return fhir.create(value_set({"system": system}))


def test_hl7s_own_value_sets_are_expanded(fhir):
    found = expansion(fhir.get(f"ValueSet/$expand?url={GENDER}"))
    assert found["total"] == 4
    assert {one["code"] for one in found["contains"]} == {"male", "female", "other", "unknown"}
    assert found["identifier"].startswith("urn:uuid:")
    assert found["timestamp"]


def test_an_element_that_r4_binds_is_expanded(fhir):
    context = quote("http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender")
    assert "male" in codes(fhir.get(f"ValueSet/$expand?context={context}"))
    refused(fhir.get("ValueSet/$expand?context=Patient.nothing"), 404)


def test_a_stored_value_set_is_expanded_in_order(fhir, everything):
    by_url = fhir.get(f"ValueSet/$expand?url={everything['url']}")
    assert codes(by_url) == ["animal", "dog", "pug", "plant"]
    assert codes(fhir.get(f"ValueSet/{everything['id']}/$expand")) == codes(by_url)


def test_a_value_set_that_is_given_is_expanded(fhir, system):
    given = value_set({"system": system, "concept": [{"code": "pug"}, {"code": "dog"}]})
    assert codes(posted(fhir, valueSet=(None, given))) == ["pug", "dog"]
    assert codes(fhir.post("ValueSet/$expand", given)) == ["pug", "dog"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("狗", ["dog"]),
        ("gou", ["dog"]),
        ("bgq", ["pug"]),
        ("quan", ["pug"]),
        ("八哥", ["pug"]),
        ("ANIM", ["animal"]),
        ("dongw", ["animal"]),
        ("zhiwu", ["plant"]),
        ("dog", ["dog"]),
        ("no such", []),
    ],
)
def test_what_is_typed_is_found(fhir, everything, typed, found):
    assert codes(fhir.get(f"ValueSet/{everything['id']}/$expand?filter={quote(typed)}")) == found


def test_pages_have_all_concepts_once(fhir, everything):
    pages = [
        expansion(fhir.get(f"ValueSet/{everything['id']}/$expand?count=3&offset={offset}"))
        for offset in (0, 3, 6)
    ]
    assert [[one["code"] for one in page.get("contains", ())] for page in pages] == [
        ["animal", "dog", "pug"], ["plant"], [],
    ]  # fmt: skip
    assert [page["total"] for page in pages] == [4, 4, 4]
    assert [page["offset"] for page in pages] == [0, 3, 6]


def test_a_tree_is_told_if_it_is_asked_for(fhir, everything):
    found = expansion(fhir.get(f"ValueSet/{everything['id']}/$expand?excludeNested=false"))
    animal, plant = found["contains"]
    assert animal["contains"][0]["contains"][0]["code"] == "pug"
    assert plant["inactive"] is True
    assert "offset" not in found


def test_what_is_not_in_use_is_left_out_if_that_is_asked_for(fhir, everything):
    asked = f"ValueSet/{everything['id']}/$expand?activeOnly=true"
    assert codes(fhir.get(asked)) == ["animal", "dog", "pug"]


def test_names_and_definition_come_if_they_are_asked_for(fhir, everything):
    asked = f"ValueSet/{everything['id']}/$expand?displayLanguage=en"
    assert expansion(fhir.get(asked))["contains"][0]["display"] == "Animal"
    body = fhir.get(f"{asked}&includeDesignations=true&includeDefinition=true").json()
    assert body["expansion"]["contains"][0]["designation"][0]["value"] == "Animal"
    assert body["compose"]["include"]
    assert {"name": "displayLanguage", "valueCode": "en"} in body["expansion"]["parameter"]


def test_editions_are_chosen(fhir):
    url = f"http://example.org/{fresh()}"
    for version in ("1", "2"):
        fhir.create(code_system(url, version=version, concept=[{"code": f"v{version}"}]))
    stored = fhir.create(value_set({"system": url}))
    asked = f"ValueSet/{stored['id']}/$expand"
    assert codes(fhir.get(asked)) == ["v2"]
    assert codes(fhir.get(f"{asked}?system-version={quote(url + '|1')}")) == ["v1"]
    assert codes(fhir.get(f"{asked}?force-system-version={quote(url + '|1')}")) == ["v1"]
    pinned = fhir.create(value_set({"system": url, "version": "2"}))
    asked = f"ValueSet/{pinned['id']}/$expand"
    assert codes(fhir.get(f"{asked}?system-version={quote(url + '|1')}")) == ["v2"]
    refused(fhir.get(f"{asked}?check-system-version={quote(url + '|1')}"), 422)
    assert codes(fhir.get(f"{asked}?exclude-system={url}")) == []


def test_what_is_too_large_is_refused_without_pages(fhir):
    concepts = [{"code": f"c{number}"} for number in range(10_001)]
    system = fhir.create(code_system(concept=concepts))
    stored = fhir.create(value_set({"system": system["url"]}))
    asked = f"ValueSet/{stored['id']}/$expand"
    (issue,) = refused(fhir.get(asked), 400)
    assert issue["code"] == "too-costly"
    assert codes(fhir.get(f"{asked}?count=2&offset=9999")) == ["c9999", "c10000"]
    assert codes(fhir.get(f"{asked}?filter=c10000")) == ["c10000"]


def test_value_sets_that_include_each_other_are_refused(fhir):
    first, second = value_set(), value_set()
    for one, other in ((first, second), (second, first)):
        one["compose"]["include"] = [{"valueSet": [other["url"]]}]
        fhir.create(one)
    refused(fhir.get(f"ValueSet/$expand?url={first['url']}"), 422)


@pytest.mark.parametrize(
    ("filter", "status"),
    [
        ({"property": "code", "op": "regex", "value": "(a+)+$"}, 200),
        ({"property": "code", "op": "regex", "value": "(" * 500}, 422),
        ({"property": "code", "op": "regex", "value": "a" * 2000}, 422),
        ({"property": "code", "op": "regex", "value": "((a{1,100}){1,100}){1,100}"}, 422),
        ({"property": "concept", "op": "is-a", "value": "unicorn"}, 422),
        ({"property": "weight", "op": "is-a", "value": "dog"}, 422),
    ],
)
def test_a_hostile_filter_costs_nothing(fhir, system, filter, status):
    given = value_set({"system": system, "filter": [filter]})
    answer = fhir.post("ValueSet/$expand", given)
    assert answer.status_code == status, answer.text
    assert answer.elapsed.total_seconds() < 20


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        (f"url={GENDER}&context=a", 400),
        ("url=http://example.org/no-such", 404),
        (f"url={GENDER}&valueSetVersion=0", 404),
        (f"url={GENDER}&count=-1", 400),
        (f"url={GENDER}&offset=-1", 400),
        (f"url={GENDER}&count=many", 400),
        (f"url={GENDER}&activeOnly=perhaps", 400),
        (f"url={GENDER}&system-version=a", 400),
        (f"url={GENDER}&unknown=a", 400),
        ("url=http://hl7.org/fhir/ValueSet/ucum-units", 404),
    ],
)
def test_what_cannot_be_expanded_is_refused(fhir, query, status):
    refused(fhir.get(f"ValueSet/$expand?{query}"), status)
