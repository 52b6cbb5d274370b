"""The shipped concept maps lead from codes that exist to codes that exist, and miss none.

Spec: https://hl7.org/fhir/R4/conceptmap.html
"""

import json
import tarfile
from itertools import chain

import pytest

from tests.conformance import terms

_INEXACT = {"narrower", "inexact"}


@pytest.fixture(scope="module")
def groups(terminology):
    """Every group of every map, with the id of the map."""
    return [(id, one) for id, map in terminology("ConceptMap").items() for one in map["group"]]


@pytest.fixture(scope="module")
def known(terminology):
    """The names of the codes of each system that is shipped, by URL and version."""
    return {
        (one["url"], one.get("version")): terms.codes(one)
        for one in terminology("CodeSystem").values()
    }


@pytest.fixture(scope="module")
def of_hl7(r4_package):
    """The names of the codes of each system of HL7, by URL."""
    with tarfile.open(r4_package) as archive:
        found = (
            json.load(archive.extractfile(one))
            for one in archive
            if one.name.startswith("package/CodeSystem-")
        )
        return {one["url"]: terms.codes(one) for one in found if one["content"] == "complete"}


def ends(group):
    """Yield the system, version and {code: display} of either side of `group`."""
    elements = group["element"]
    targets = [one for element in elements for one in element["target"] if "code" in one]
    yield group["source"], group.get("sourceVersion"), named(elements)
    yield group["target"], group.get("targetVersion"), named(targets)


def named(items):
    return {item["code"]: item["display"] for item in items}


def test_every_code_of_ours_exists_and_is_called_so(groups, known):
    for id, group in groups:
        for url, version, codes in ends(group):
            if not url.startswith("http://"):
                assert codes.items() <= known[url, version].items(), id


def test_every_code_of_hl7_exists_and_is_called_so(groups, of_hl7):
    checked = set()
    for id, group in groups:
        for url, _, codes in ends(group):
            if url.startswith(("http://hl7.org", "http://terminology.hl7.org")):
                assert codes.items() <= of_hl7[url].items(), id
                checked.add(url)
    assert len(checked) == 11


def test_every_code_of_a_source_of_ours_is_told_of(terminology, known):
    """Unless the target is a fragment: what is missing there nobody can say."""
    fragments = {
        (one["url"], one.get("version"))
        for one in terminology("CodeSystem").values()
        if one["content"] != "complete"
    }
    for id, map in terminology("ConceptMap").items():
        told = {}
        for group in map["group"]:
            source = group["source"], group.get("sourceVersion")
            target = group["target"], group.get("targetVersion")
            if source in known and target not in fragments:
                codes = [element["code"] for element in group["element"]]
                told.setdefault(source, []).extend(codes)
        for source, codes in told.items():
            assert sorted(codes) == sorted(known[source]), id


def test_what_is_not_exact_says_why(groups):
    for id, group in groups:
        for element in group["element"]:
            for target in element["target"]:
                unexplained = target["equivalence"] in _INEXACT and "comment" not in target
                assert not unexplained, (id, element["code"])
                assert (target["equivalence"] == "unmatched") == ("code" not in target)


def test_a_map_names_value_sets_that_exist(terminology):
    ours = {one["url"] for one in terminology("ValueSet").values()}
    named = chain.from_iterable(
        (map.get("sourceCanonical"), map.get("targetCanonical"))
        for map in terminology("ConceptMap").values()
    )
    assert {url for url in named if url and not url.startswith("http://")} <= ours


def test_each_older_edition_leads_to_that_of_2023(terminology, known):
    editions = {}
    for url, version in known:
        editions.setdefault(url, set()).add(version)
    led = {
        (group["source"], group["sourceVersion"], group["targetVersion"])
        for map in terminology("ConceptMap").values()
        for group in map["group"]
        if group["source"] == group["target"]
    }
    wanted = {
        (url, older, "2023")
        for url, versions in editions.items()
        if "2023" in versions and "2.3.1." in url
        for older in versions - {"2023"}
    }
    assert len(wanted) == 30
    assert led == wanted


def test_only_codes_called_alike_are_equal(groups):
    for id, group in groups:
        for element in group["element"]:
            for target in element["target"]:
                if target["equivalence"] == "equal":
                    pair = (element["code"], element["display"])
                    assert pair == (target["code"], target["display"]), id
