"""profiles/access/: R5.3, separate roles; R1.11, operators see no clinical content."""

import pytest

from server import content
from server.access import roles
from server.profiles import definitions

ROLES = roles.load(content.PROFILES)
TYPES = definitions.load(content.PROFILES / "r4").resource_types
CLINICAL = [type for type in TYPES if ROLES.group(type) == "clinical"]


def test_every_type_that_is_named_exists():
    named = {key for rights in ROLES.letters.values() for key in rights if key[0].isupper()}
    assert {*ROLES.groups, *named} <= set(TYPES)


def test_letters_are_in_the_order_of_smart():
    for rights in ROLES.letters.values():
        for letters in rights.values():
            assert letters
            assert [*letters] == sorted(letters, key="cruds".index)


@pytest.mark.parametrize("role", ["administrator", "security", "auditor", "quality", "registrar"])
def test_who_does_not_treat_sees_no_clinical_content(role):
    assert not [type for type in CLINICAL if type != "MeasureReport" and ROLES.of(role, type)]


def test_only_the_auditor_reads_the_trail_and_nobody_writes_it():
    assert {role for role in ROLES.letters if ROLES.of(role, "AuditEvent")} == {"auditor"}
    assert ROLES.of("auditor", "AuditEvent") == frozenset("rs")


def test_only_the_administrator_changes_what_is_agreed_upon():
    writers = {role for role in ROLES.letters if ROLES.of(role, "SearchParameter") & set("cud")}
    assert writers == {"administrator"}


def test_every_role_has_a_name_in_both_languages():
    assert all(names["zh"] and names["en"] for names in ROLES.names.values())
