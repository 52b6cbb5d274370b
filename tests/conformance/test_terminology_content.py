"""The shipped terminology is sound: every file, every code, and everything it refers to.

Spec: https://hl7.org/fhir/R4/terminology-module.html
"""

import csv
import gzip
import re
from collections import Counter
from itertools import chain

import pytest

from server import content
from server.fhir.canonical import BASE
from server.services import Interpreters
from server.settings import Settings
from tests.conformance import terms

TYPES = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
CANONICAL = TYPES[:3]
# Systems of others that ours refer to, and that are not shipped.
OTHERS = (
    "http://loinc.org",
    "http://hl7.org/fhir/",
    "http://terminology.hl7.org/CodeSystem/",
    "urn:iso:std:iso:3166",
)


def key(resource):
    return resource["url"], resource.get("version")


@pytest.fixture(scope="module")
def systems(terminology):
    """The code systems that are shipped, by URL and version."""
    return {key(system): system for system in terminology("CodeSystem").values()}


@pytest.fixture(scope="module")
def townships():
    file = content.TERMINOLOGY / "large" / "gbt-10114.csv.gz"
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def validator():
    return Interpreters.of(Settings()).validator


@pytest.mark.parametrize("type", TYPES)
def test_every_definition_passes_our_own_validation(terminology, validator, type):
    faults = {
        id: found
        for id, resource in terminology(type).items()
        # That a definition has no narrative is advice, not a fault.
        if (found := [one for one in validator.faults(resource) if one.severity == "error"])
    }
    assert faults == {}


@pytest.mark.parametrize("type", TYPES)
def test_every_definition_is_where_its_name_says(terminology, type):
    found = {id: (one["resourceType"], one["id"]) for id, one in terminology(type).items()}
    assert found
    assert found == {id: (type, id) for id in found}


@pytest.mark.parametrize("type", CANONICAL)
def test_no_two_definitions_have_one_url_and_edition(terminology, type):
    counts = Counter(map(key, terminology(type).values()))
    assert [one for one, count in counts.items() if count > 1] == []


def test_a_code_system_has_the_oid_of_its_table_or_a_url_of_ours(terminology):
    for id, system in terminology("CodeSystem").items():
        assert re.fullmatch(r"urn:oid:2\.16\.156\.10011\.2\.[0-9.]+", system["url"]) or (
            system["url"] == f"{BASE}/CodeSystem/{id}"
        )


@pytest.mark.parametrize("type", ["ValueSet", "ConceptMap"])
def test_the_url_of_a_definition_of_ours_ends_in_its_id(terminology, type):
    for id, one in terminology(type).items():
        assert one["url"] == f"{BASE}/{type}/{id}"


def test_a_code_system_counts_its_codes(terminology, townships):
    elsewhere = {"gbt-10114": townships}
    for id, system in terminology("CodeSystem").items():
        listed = list(terms.concepts(system.get("concept", ())))
        assert system["count"] == len(elsewhere.get(id, listed)), id
        assert (system["content"] == "not-present") == (not listed), id


def test_no_code_stands_twice(terminology):
    for id, system in terminology("CodeSystem").items():
        counts = Counter(one["code"] for one, _ in terms.concepts(system.get("concept", ())))
        assert [code for code, count in counts.items() if count > 1] == [], id


def test_each_concept_has_a_line_of_its_own(terminology):
    for id, system in terminology("CodeSystem").items():
        text = (content.TERMINOLOGY / "CodeSystem" / f"{id}.json").read_text("utf-8")
        lines = re.findall(r'^ {4,}\{"code": "', text, re.MULTILINE)
        assert len(lines) == len(terms.codes(system)), id


def test_properties_are_declared_with_the_type_that_they_have(terminology):
    for id, system in terminology("CodeSystem").items():
        declared = {one["code"]: one["type"] for one in system.get("property", ())}
        for concept, _ in terms.concepts(system.get("concept", ())):
            for item in concept.get("property", ()):
                type = declared[item["code"]]
                assert f"value{type[0].upper()}{type[1:]}" in item, (id, concept["code"])


def test_every_system_has_a_value_set_of_exactly_its_edition(terminology):
    sets = {one["url"]: one for one in terminology("ValueSet").values()}
    for system in terminology("CodeSystem").values():
        if system["content"] == "supplement":
            continue
        whole = {"system": system["url"]}
        if "version" in system:
            whole["version"] = system["version"]
        assert sets[system["valueSet"]]["compose"] == {"include": [whole]}


def test_value_sets_name_codes_and_systems_that_exist(terminology, systems):
    """A system that is not shipped is one of others, or at least has a name in the registry."""
    named = {f"urn:{id.replace('-', ':', 1)}" for id in terminology("NamingSystem")}
    shipped = {url for url, _ in systems}
    for id, value_set in terminology("ValueSet").items():
        for part in chain(*value_set["compose"].values()):
            url = part.get("system", OTHERS[0])
            if url.startswith(OTHERS) or url in named - shipped:
                continue
            editions = {
                version: one
                for (known, version), one in systems.items()
                if known == url and version == part.get("version", version)
            }
            assert editions, (id, url)
            known = set(chain.from_iterable(map(terms.codes, editions.values())))
            assert {one["code"] for one in part.get("concept", ())} <= known, id


def test_what_a_supplement_supplements_is_loinc(terminology):
    found = {
        id: one["supplements"]
        for id, one in terminology("CodeSystem").items()
        if one["content"] == "supplement"
    }
    assert found == {"loinc-zh": "http://loinc.org"}


def test_the_use_of_a_designation_is_a_code_that_exists(terminology, systems):
    uses = {
        (use["system"], use["code"])
        for system in terminology("CodeSystem").values()
        for concept, _ in terms.concepts(system.get("concept", ()))
        for designation in concept.get("designation", ())
        if (use := designation.get("use"))
    }
    assert uses
    for url, code in uses:
        assert code in terms.codes(systems[url, None])


def test_what_replaced_a_code_exists(terminology):
    system = terminology("CodeSystem")["gbt-2260"]
    known = terms.codes(system)
    replaced = [
        item["valueCode"]
        for concept, _ in terms.concepts(system["concept"])
        for item in concept["property"]
        if item["code"] == "replacedBy"
    ]
    assert len(replaced) > 3000
    assert set(replaced) <= set(known)


def test_every_township_lies_in_a_county_that_exists(terminology, townships):
    counties = terms.codes(terminology("CodeSystem")["gbt-2260"])
    assert {row["parent"] for row in townships} <= set(counties)
    assert all(row["code"].startswith(row["parent"]) for row in townships)
    assert len({row["code"] for row in townships}) == len(townships)
    assert {row["inactive"] for row in townships} == {"", "true"}
    assert list(townships[0]) == ["code", "display", "parent", "inactive"]


def test_every_naming_system_names_the_oid_in_its_id(terminology):
    for id, one in terminology("NamingSystem").items():
        oid = id.removeprefix("oid-")
        unique = {item["type"]: item["value"] for item in one["uniqueId"]}
        wanted = {"oid": oid, "uri": f"urn:oid:{oid}"}
        assert unique == ({"oid": oid} if one["kind"] == "root" else wanted)


def test_what_is_not_verified_is_a_draft(terminology):
    for id, system in terminology("CodeSystem").items():
        assert (system["status"] == "draft") == (
            "未经核实" in system["description"] or "凭记忆" in system["description"]
        ) or id in {"gbt-2261.3-2003", "gbt-3304-1991"}
