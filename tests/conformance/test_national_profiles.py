"""Our profiles are FHIR, name only what exists, and are bound to the tables of their data elements.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

import csv
import json
import os
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from server import content
from server.profiles.definitions import load
from server.profiles.invariants.evaluation import compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.services import Interpreters
from server.settings import Settings

CANONICAL = "https://tongkang.example/fhir/"
HL7 = "http://hl7.org/fhir/StructureDefinition/"
# Of HL7, not of the distilled facts: extensions and a value set that ours refer to.
HL7_EXTENSIONS = {
    f"{HL7}{name}"
    for name in (
        "iso21090-EN-representation", "iso21090-SC-coding", "patient-nationality",
        "patient-birthPlace",
    )
}  # fmt: skip
HL7_VALUE_SETS = {"http://terminology.hl7.org/ValueSet/v3-Confidentiality"}
# National identifiers of code systems that are not shipped, or are HL7's and others'.
ELSEWHERE = {
    "http://loinc.org", "http://hl7.org/fhir/sid/icd-10", "urn:iso:std:iso:3166",
    "urn:oid:2.16.156.10011.2.3.3.14",
}  # fmt: skip


@cache
def read(folder):
    """Return the resources in `folder` of the content by id."""
    return {file.stem: json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")}


PROFILES = read(content.PROFILES / "StructureDefinition")
VALUE_SETS = read(content.TERMINOLOGY / "ValueSet")
OURS = {id: one for id, one in VALUE_SETS.items() if id.startswith("cn-")}
BY_URL = {one["url"]: one for one in PROFILES.values()}
ELEMENTS = [
    pytest.param(profile, element, id=f"{id} {element['id']}")
    for id, profile in PROFILES.items()
    for element in profile["differential"]["element"]
]
CONSTRAINTS = [
    pytest.param(rule["expression"], id=f"{param.id} {rule['key']}")
    for param in ELEMENTS
    for rule in param.values[1].get("constraint", ())
]


@pytest.fixture(scope="module")
def definitions():
    return load(content.PROFILES / "r4")


@pytest.fixture(scope="module")
def validator():
    return Interpreters.of(Settings()).validator


@pytest.mark.parametrize(
    "resource", [*PROFILES.values(), *OURS.values()], ids=lambda one: one["id"]
)
def test_a_definition_is_valid_and_found_under_its_name(validator, resource):
    assert [one for one in validator.faults(resource) if one.severity == "error"] == []
    assert resource["url"] == f"{CANONICAL}{resource['resourceType']}/{resource['id']}"
    assert resource["language"] == "zh-CN"
    assert resource["_title"]["extension"][0]["url"] == f"{HL7}translation"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one["id"])
def test_a_profile_has_a_base_and_no_snapshot(definitions, profile):
    """The snapshot is made when the server starts."""
    assert "snapshot" not in profile
    base = profile["baseDefinition"]
    if not base.startswith(HL7):
        assert BY_URL[base]["type"] == profile["type"]
    else:
        name = base.removeprefix(HL7)
        assert name in definitions.elements or name == "Element"
    ids = [element["id"] for element in profile["differential"]["element"]]
    assert len(set(ids)) == len(ids)
    declared = {one["identity"] for one in profile.get("mapping", ())}
    used = {
        one["identity"]
        for element in profile["differential"]["element"]
        for one in element.get("mapping", ())
    }
    assert declared == used


def _type_at(definitions, path):
    """Return the type path that `path` leads to, None if R4 has no such element."""
    first, *names = path.split(".")
    at = first
    for name in names:
        # A primitive has the extensions of every element.
        children = definitions.elements.get("Element" if at in definitions.primitives else at, {})
        if name not in children:
            return None
        element = children[name]
        below = f"{at}.{name}"
        if below in definitions.elements:
            at = below
        else:
            at = element.types[0].removeprefix("#")
            if len(element.types) > 1:
                # Of a choice, the children of the first type that is no primitive.
                at = next(
                    (
                        one
                        for one in ("Quantity", "CodeableConcept", "Coding")
                        if one in element.types
                    ),
                    at,
                )
    return at


@pytest.mark.parametrize(("profile", "element"), ELEMENTS)
def test_an_element_is_one_of_r4(definitions, profile, element):
    path = ".".join(part.partition(":")[0] for part in element["id"].split("."))
    assert element["path"] == path
    if profile["kind"] != "logical":
        assert _type_at(definitions, path) is not None


@pytest.mark.parametrize(("profile", "element"), ELEMENTS)
def test_a_slice_follows_the_slicing_that_it_belongs_to(profile, element):
    parent, _, last = element["id"].rpartition(".")
    if ":" not in last:
        return
    sliced = f"{parent}.{last.partition(':')[0]}" if parent else last.partition(":")[0]
    chain = [profile]
    while chain[-1]["baseDefinition"] in BY_URL:
        chain.append(BY_URL[chain[-1]["baseDefinition"]])
    entries = {
        one["id"] for each in chain for one in each["differential"]["element"] if "slicing" in one
    }
    is_extension = profile["type"] == "Extension" and sliced == "Extension.extension"
    assert sliced in entries or is_extension


@pytest.mark.parametrize(("profile", "element"), ELEMENTS)
def test_what_an_element_refers_to_exists(definitions, profile, element):
    known = {one["url"] for one in VALUE_SETS.values()} | set(definitions.value_sets)
    if "binding" in element:
        assert element["binding"]["valueSet"] in known | HL7_VALUE_SETS
    for type in element.get("type", ()):
        for url in type.get("profile", ()):
            assert url in BY_URL or url in HL7_EXTENSIONS
        for url in type.get("targetProfile", ()):
            assert url in BY_URL or url.removeprefix(HL7) in definitions.elements


@pytest.mark.parametrize("expression", CONSTRAINTS)
def test_an_invariant_can_be_evaluated(expression):
    assert compiled(expression, FUNCTIONS)


def test_every_invariant_has_a_key_of_its_own_and_both_languages():
    said = {}
    for param in ELEMENTS:
        for rule in param.values[1].get("constraint", ()):
            assert rule["_human"]["extension"][0]["url"] == f"{HL7}translation"
            assert said.setdefault(rule["key"], rule["expression"]) == rule["expression"]
    assert len(said) > 40


@pytest.mark.parametrize("value_set", OURS.values(), ids=lambda one: one["id"])
def test_a_value_set_is_composed_of_systems_that_exist(value_set):
    shipped = {
        (one["url"], one.get("version"))
        for one in read(content.TERMINOLOGY / "CodeSystem").values()
    }
    if not shipped:
        pytest.skip("the code systems are not here")
    urls = {url for url, _ in shipped}
    for include in value_set["compose"]["include"]:
        system, version = include["system"], include.get("version")
        assert system in ELSEWHERE or ((system, version) in shipped if version else system in urls)


def test_every_system_of_identifiers_that_is_ours_has_its_naming_system():
    kinds = tomllib.loads((content.PROFILES / "identity" / "numbers.toml").read_text("utf-8"))
    start = f"{CANONICAL}sid/"
    used = {row["system"] for row in kinds["number"] if row["system"].startswith(start)}
    for param in ELEMENTS:
        fixed = param.values[1].get("fixedUri", "")
        used |= {fixed} if fixed.startswith(start) else set()
    for table in content.MAPPINGS.rglob("*.toml"):
        used |= set(re.findall(f"{start}[a-z0-9-]+", table.read_text("utf-8")))
    named = {
        one["uniqueId"][0]["value"] for one in read(content.PROFILES / "NamingSystem").values()
    }
    assert used == named


def _bound(system):
    """Return the data elements whose element is bound to a value set with codes of `system`."""
    found = set()
    for profile in PROFILES.values():
        for element in profile["differential"]["element"]:
            url = element.get("binding", {}).get("valueSet", "")
            value_set = OURS.get(url.rpartition("/")[2])
            if value_set is None:
                continue
            systems = {one["system"] for one in value_set["compose"]["include"]}
            if system in systems:
                found |= {one["map"] for one in element.get("mapping", ())}
    return found


def _tables():
    """Yield the data elements of the mapping tables with the code system of each."""
    folder = Path(os.environ.get("CN") or "nowhere") / "mapping"
    for file in sorted(folder.glob("mapping_*.csv")):
        lines = file.read_text("utf-8").splitlines()
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            elements = re.findall(r"DE\d\d\.\d\d\.\d{3}\.\d\d", row["de_id"] or "")
            oids = re.findall(r"\.(2\.3\.[123]\.\d+)", row["system_or_binding"] or "")
            if len(elements) == 1 and len(set(oids)) == 1:
                yield elements[0], f"urn:oid:2.16.156.10011.{oids[0]}"


@pytest.mark.parametrize(("element", "system"), list(_tables()) or [("", "")])
def test_a_data_element_with_a_table_is_bound_to_it(element, system):
    if not element:
        pytest.skip("needs the mapping tables: set CN to their folder")
    assert element in _bound(system)
