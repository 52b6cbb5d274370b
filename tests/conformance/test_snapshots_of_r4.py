"""Our snapshots of HL7's profiles and extensions are those that HL7 published, but for a few.

Spec: https://hl7.org/fhir/R4/profiling.html#snapshot
"""

import json
import tarfile
from pathlib import Path

import pytest

from server import content
from server.profiles import snapshots

SYSTEM = "http://hl7.org/fhirpath/System."
FACTS = snapshots.load(content.PROFILES / "r4")
_OF_TYPE = "HL7 repeats the invariants of SimpleQuantity in an element of that profile"
DIFFERENT = {
    "bp": "HL7 has what is in value[x] there where we have it in the slice valueQuantity",
    "cholesterol": _OF_TYPE,
    "elementdefinition-de": "HL7 walks into an extension of which nothing is said inside",
    "hdlcholesterol": _OF_TYPE,
    "ldlcholesterol": _OF_TYPE,
    "provenance-relevant-history": "HL7 lets a slice keep the binding that its element has lost",
}


def facts(element):
    """Return what of `element` decides about resources."""
    codes = {"string" if SYSTEM in one["code"] else one["code"] for one in element.get("type", ())}
    binding = element.get("binding", {})
    values = {key: element[key] for key in element if key.startswith(("fixed", "pattern"))}
    return {
        "cardinality": (element["min"], element["max"]),
        "types": sorted("string" if one in ("uri", "id") else one for one in codes),
        "values": values,
        "binding": (binding.get("strength"), binding.get("valueSet")),
        "constraints": sorted(one["key"] for one in element.get("constraint", ())),
        "flags": [bool(element.get(key)) for key in ("mustSupport", "isModifier", "isSummary")],
    }


@pytest.fixture(scope="module")
def published(r4_package):
    """The snapshots in HL7's package, by URL."""
    found = {}
    with tarfile.open(r4_package) as archive:
        for member in archive:
            if Path(member.name).name.startswith("StructureDefinition-"):
                file = archive.extractfile(member)
                definition = json.load(file) if file else {}
                found[definition["url"]] = definition.get("snapshot", {}).get("element")
    return found


def test_our_snapshots_say_what_the_published_ones_say(published):
    made = snapshots.Snapshots(FACTS, {}.get)
    compared, different = 0, set()
    for url, definition in FACTS.profiles.items():
        if published[url] is None:
            continue
        compared += 1
        ours = {row["id"]: facts(row) for row in made.snapshot(definition)}
        theirs = {row.get("id", row["path"]): facts(row) for row in published[url]}
        if ours != theirs:
            different.add(url.rpartition("/")[2])
    assert compared > 430
    assert different == DIFFERENT.keys()


def test_every_type_is_as_published(published):
    for name, tree in FACTS.types.items():
        url = snapshots.STRUCTURE_DEFINITION + name
        ours = list(tree.rows(name, name, is_resource=False))
        assert [row["path"] for row in ours] == [row["path"] for row in published[url]]
        for our, their in zip(ours[1:], published[url][1:], strict=True):
            assert facts(our) == facts(their), our["path"]
