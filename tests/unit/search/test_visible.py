"""Rights as filters; what they come to on data is shown over HTTP in tests/security."""

import pytest

from server.access import scopes
from server.access.caller import Caller
from server.access.policy import Region, Right, Rights, granted
from server.search import visible
from server.search.conditions import NOTHING
from server.services import Interpreters
from server.settings import Settings

ANNE = "Patient/a"


@pytest.fixture(scope="module")
def interpreters():
    return Interpreters.of(Settings())


@pytest.fixture
def access(interpreters):
    def make(text, kind="resident", role=None, patients=None, **limits):
        about = {"patient": (ANNE,)} if patients is None else patients
        given = granted(interpreters.roles, role or kind, scopes.parse(text).clinical, about)
        rights = Rights(caller=Caller(kind=kind, role=role), rights=given, **limits)
        return visible.access(interpreters.queries, interpreters.roles, rights, interpreters.types)

    return make


def test_a_patient_scope_is_about_one_patient(access):
    seen = access("patient/*.rs").visibility
    assert seen.of("Patient", "r") == {"_id": "a"}
    assert seen.of("Observation", "s") == {"pt": ANNE}
    assert seen.of("Appointment", "rs") == {"comp": ANNE}
    assert seen.past("Observation", "r") == {"comp": ANNE}
    assert seen.past("Patient", "r") == {"rid": "a"}


@pytest.mark.parametrize("type", ["Organization", "Practitioner", "ValueSet", "Medication"])
def test_what_is_in_nobodys_record_is_seen_whole(access, type):
    assert access("patient/*.rs").visibility.of(type, "rs") == {}


@pytest.mark.parametrize("type", ["AuditEvent", "Subscription", "Task", "Parameters"])
def test_a_wildcard_does_not_mean_what_is_internal(access, type):
    seen = access(f"patient/*.cruds patient/{type}.cruds")
    assert not seen.has(type, "r")
    assert seen.visibility.of(type, "r") == NOTHING


def test_without_a_scope_there_is_nothing(access):
    seen = access("patient/Observation.rs").visibility
    assert seen.of("Condition", "r") == NOTHING
    assert seen.of("Observation", "u") == NOTHING
    assert seen.past("Condition", "r") == NOTHING


def test_a_patient_scope_without_a_patient_gives_nothing(access):
    assert access("patient/*.rs", patients={"patient": ()}).visibility.of("Patient", "r") == NOTHING
    assert access("patient/*.rs", patients={}).visibility.of("Patient", "r") == NOTHING


def test_a_level_that_the_caller_has_not_gives_nothing(access):
    assert access("system/*.cruds user/*.cruds").visibility.of("Patient", "r") == NOTHING


def test_a_role_bounds_what_a_scope_gives(access):
    registrar = access("user/*.cruds", "staff", "registrar", {"user": None})
    assert registrar.has("Patient", "u")
    assert not registrar.has("Observation", "r")
    assert registrar.visibility.of("Observation", "r") == NOTHING


def test_letters_do_not_leak_between_scopes(access):
    text = "patient/Observation.r?category=laboratory patient/Observation.s?category=vital-signs"
    seen = access(text).visibility
    assert seen.of("Observation", "r") != seen.of("Observation", "s")
    assert "laboratory" in str(seen.of("Observation", "r"))
    assert "laboratory" not in str(seen.of("Observation", "s"))


def test_an_unlimited_scope_swallows_a_limited_one(access):
    seen = access("patient/Observation.rs?category=laboratory patient/Observation.rs").visibility
    assert seen.of("Observation", "r") == {"pt": ANNE}


@pytest.mark.parametrize(
    "constraint", ["nonsense=1", "subject.name=x", "_has:X:y:z=1", "date=2023-02-30", "_sort=date"]
)
def test_a_limit_that_cannot_be_understood_lets_nothing_through(access, constraint):
    assert (
        access(f"patient/Observation.rs?{constraint}").visibility.of("Observation", "r") == NOTHING
    )


def test_a_limit_that_the_history_cannot_check_hides_the_history(access):
    seen = access("patient/Observation.rs?date=ge2020").visibility
    assert seen.of("Observation", "r") != NOTHING
    assert seen.past("Observation", "r") == NOTHING


def test_what_a_limit_excludes_counts_too(access):
    """A version that has no dates any more must not pass as one without the date excluded."""
    seen = access("patient/Observation.rs?date:missing=true").visibility
    assert seen.past("Observation", "r") != NOTHING  # `has` is kept
    seen = access("patient/Observation.rs?value-string:not=x").visibility
    assert seen.past("Observation", "r") == NOTHING


def test_a_right_to_one_resource_is_to_that_one_as_it_is_now(interpreters):
    limited = Right("Practitioner", frozenset("rs"), (("active", "true"),))
    rights = Rights(
        caller=Caller(kind="staff", role="clinician"),
        rights=(Right("Practitioner", frozenset("r"), alone="a"), limited),
    )
    seen = visible.access(interpreters.queries, interpreters.roles, rights, interpreters.types)
    by_search = seen.visibility.of("Practitioner", "s")
    assert "_id" not in by_search
    assert seen.visibility.of("Practitioner", "r") == {"$or": [by_search, {"_id": "a"}]}
    assert seen.visibility.past("Practitioner", "r") == seen.visibility.past("Practitioner", "s")


def test_staff_see_their_division_and_what_is_below(access):
    region = Region(divisions=("350600",), organizations=("Organization/o",))
    seen = access("user/*.cruds", "staff", "clinician", {"user": None}, region=region).visibility
    assert seen.of("Observation", "r") == {
        "$and": [
            {"$or": [{"div": "3506"}, {"own": "Organization/o"}]},
            {"$or": [{"shut": None}, {"own": "Organization/o"}]},
        ]
    }
    assert seen.of("Organization", "r") == {}


def test_labels_are_withheld_but_from_whose_data_it_is(access):
    region = Region(organizations=("Organization/o",))
    withheld = frozenset({"HIV", "PSY"})
    own = access("patient/*.rs", withheld=withheld).visibility.of("Condition", "r")
    assert own == {"pt": ANNE, "sec": {"$nin": ["HIV", "PSY"]}}
    staff = access(
        "user/*.rs", "staff", "clinician", {"user": None}, region=region, withheld=withheld
    ).visibility.of("Condition", "r")
    exempt = [{"sec": {"$nin": ["HIV", "PSY"]}}, {"own": "Organization/o"}]
    unshut = [{"shut": None}, {"own": "Organization/o"}]
    assert staff == {"$and": [{"own": "Organization/o"}, {"$or": unshut}, {"$or": exempt}]}


def test_an_emergency_lifts_limits_for_one_patient_and_for_reading_only(access):
    region = Region(divisions=("3506",))
    seen = access(
        "user/*.cruds", "staff", "clinician", {"user": None}, region=region, lifted=(ANNE,)
    ).visibility
    assert seen.of("Condition", "r") == {"$or": [{"div": "3506", "shut": None}, {"pt": ANNE}]}
    assert seen.of("Condition", "u") == {"div": "3506", "shut": None}
