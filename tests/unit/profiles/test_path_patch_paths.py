"""The paths of FHIRPath Patch: which element each finds, and how much may be looked at.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import json

import pytest

from server.fhir.outcome import TooCostly, TooLarge
from server.profiles import patch_operations
from tests.unit.profiles.patching import NAMES, delete, patient

FOUND = [
    ("Patient.name.where(use = 'usual')", 1),
    ("name.where(use='usual')", 1),
    ("Resource.name[1]", 1),
    ("DomainResource.name[1]", 1),
    ("Patient.name.where(use != 'official' and family.exists())", 2),
    ("Patient.name.where(use = 'official' or use = 'x')", 0),
    ("Patient.name.where(use = 'official' xor given.exists())", None),
    ("Patient.name.where(use = 'official' xor family.exists())", 2),
    ("Patient.name.where(text)", 1),
    ("Patient.name.where(text.hasValue())", 1),
    ("Patient.name.where(text.empty() and given.empty())", 2),
    ("Patient.name.where($this.use = 'old')", 2),
    ("Patient.name.where(given.count() = 2)", 0),
    ("Patient.name.where(given.count() > 1)", 0),
    ("Patient.name.where(given.count() >= 2.0)", 0),
    ("Patient.name.where(given.count() < 1 and family.exists())", 2),
    ("Patient.name.where('二' in given)", 0),
    ("Patient.name.where(given contains '二')", 0),
    ("Patient.name.where(given[1] = '二')", 0),
    ("Patient.name.where(given.exists($this = '二'))", 0),
    ("Patient.name.where(given.exists() and given.all($this != '三'))", 0),
    ("Patient.name.where(use.startsWith('usu'))", 1),
    ("Patient.name.where(use.endsWith('ld'))", 2),
    ("Patient.name.where(use.contains('ici'))", 0),
    ("Patient.name.where(period.start = @2020-01-01)", 1),
    ("Patient.name.where(period is Period)", 1),
    ("Patient.name.first()", 0),
    ("Patient.name.last()", 2),
    ("Patient.name.tail().first()", 1),
    ("Patient.name.skip(2)", 2),
    ("Patient.name.skip(1).take(1)", 1),
    ("Patient.name.where(use = 'usual').where(text = '乙')", 1),
    ("Patient.name.ofType(HumanName)[2]", 2),
    ("(Patient.name as HumanName)[2]", 2),
    ("Patient . name [ 1 ]", 1),
    ("Patient.`name`[1]", 1),
    ("Patient.where(active).name[1]", 1),
    ("Patient.where(active = false).name[1]", None),
    ("Patient.name.where(use = 'nobody')", None),
    ("Patient.name.where(use = 'us\\u0075al')", 1),
    ("Patient.name[7]", None),
    ("Patient.name.where(family = 1)", None),
    ("Patient.name.where(use = 'old').ofType(Address)", None),
]


@pytest.mark.parametrize(("path", "index"), FOUND)
def test_paths_find_the_element_that_they_name(patched, path, index):
    """`index` is that of the name that is deleted, None if none is."""
    expected = [name for place, name in enumerate(NAMES["name"]) if place != index]
    assert json.loads(patched(NAMES, delete(path)))["name"] == expected


def test_the_number_of_operations_is_bounded(patched):
    most = [delete("Patient.birthDate")] * patch_operations.MOST_OPERATIONS
    assert json.loads(patched(NAMES, *most)) == NAMES
    with pytest.raises(TooLarge):
        patched(NAMES, *most, most[0])


def test_how_much_is_looked_at_is_bounded(patched):
    many = patient(name=[{"text": str(number)} for number in range(2000)])
    looking = delete("Patient.name.where(text = 'x')")
    assert json.loads(patched(many, *[looking] * 20)) == many
    with pytest.raises(TooCostly):
        patched(many, *[looking] * 200)


def test_long_texts_count_as_much(patched):
    long = patient(name=[{"text": "a" * 1_000_000}])
    criterion = " or ".join(["text.contains('b')"] * 20)
    looking = delete(f"Patient.name.where({criterion})")
    with pytest.raises(TooCostly):
        patched(long, *[looking] * 20)
