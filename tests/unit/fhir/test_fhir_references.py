"""https://hl7.org/fhir/R4/references.html#literal."""

import tracemalloc

import pytest

from server.fhir.reference import Target, is_id, parse

BASE = "http://localhost/fhir"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Patient/1", Target("Patient/1", "Patient", "1", None, local=True)),
        (f"{BASE}/Patient/1", Target("Patient/1", "Patient", "1", None, local=True)),
        ("Patient/1/_history/2", Target("Patient/1", "Patient", "1", "2", local=True)),
        ("http://other/r4/Patient/1", Target("http://other/r4/Patient/1", "Patient", "1")),
        (
            "http://other/Patient/1/_history/2",
            Target("http://other/Patient/1", "Patient", "1", "2"),
        ),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", None),
        ("#Patient/1", None),
        ("http://example.org/ValueSet", None),
        ("Patient", None),
        ("Patient/", None),
        ("Patient/" + "a" * 65, None),
        ("Patient/1\n", None),
        ("Patient/..", None),
        ("Patient/a..b", None),
        ("http://localhost/fhirPatient/1", Target("http://localhost/fhirPatient/1")),
        ("", None),
    ],
)
def test_a_reference_tells_its_target(text, target):
    assert parse(text, BASE) == (target or Target(text))


def test_a_base_url_may_end_with_a_slash():
    assert parse(f"{BASE}/Patient/1", BASE + "/").local


def test_references_of_a_megabyte_are_not_kept_in_memory():
    tracemalloc.start()
    for number in range(20):
        parse(f"http://{number}/" + "a" * 1_000_000 + "/Patient/1", BASE)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3_000_000


@pytest.mark.parametrize("text", ["a", "A-1.b", ".a", "a.", "-", "a" * 64, "1.2.3"])
def test_ids(text):
    """https://hl7.org/fhir/R4/datatypes.html#id."""
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a..b", "...", "a" * 65, "a_b", "a/b", "a\n", "\n", "$", "王", "１", "a b"],
)
def test_what_is_no_id(text):
    assert not is_id(text)
