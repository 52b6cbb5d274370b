"""Records of visits with anything at any place: refused in words or taken, never a fault of ours.

Spec: docs/encounter-records.md
"""

from copy import deepcopy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import fresh
from tests.visits import diagnosis, id_number, person, record, result

TYPE = "EncounterRecord"
ODD = [
    None, "", " ", 7, -1.5, True, [], {}, [[]], ["x"], [None], [7], [["system", "value"]],
    {"system": 1, "value": []}, "system value", "\x00", "#patient", "#", "Organization?name=x",
    "Organization/nobody", "urn:uuid:00000000-0000-4000-8000-000000000000", "长" * 3000,
]  # fmt: skip


def visit():
    """Return the entries of a transaction: a record, and the Organization that it refers to."""
    link = "urn:uuid:4b3a2f1e-0000-4000-8000-000000000001"
    organization = {
        "resourceType": "Organization",
        "name": "示例医院",
        "identifier": [{"system": "urn:example:institution", "value": fresh()}],
    }
    told = record(
        person(id_number(5, "19770707")),
        institution={"reference": link, "display": "示例医院"},
        diagnosis=[diagnosis("高血压", "I10.x00x002", rank=1)],
        result=[result(5.6)],
        recordNumber="BA-1",
    )
    return [
        {"resource": told, "request": {"method": "POST", "url": TYPE}},
        {
            "fullUrl": link,
            "resource": organization,
            "request": {"method": "POST", "url": "Organization"},
        },
    ]


def places(node, path=()):
    """Yield the path of each node below `node`."""
    items = node.items() if isinstance(node, dict) else enumerate(node if is_list(node) else ())
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def is_list(node):
    return isinstance(node, list)


def has(node, key):
    """Tell whether `node` has room for something at `key`."""
    return key in range(len(node)) if is_list(node) else isinstance(node, dict)


PLACES = [(number, *path) for number, one in enumerate(visit()) for path in places(one["resource"])]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(ODD)), min_size=1, max_size=3)


def changed(entries, changes):
    """Return `entries` with what `changes` put into their resources, where there is room for it."""
    entries = deepcopy(entries)
    for (number, *path, last), value in changes:
        node = entries[number]["resource"]
        for key in path:
            node = node[key] if has(node, key) and (is_list(node) or key in node) else None
        if has(node, last):
            node[last] = value
    return entries


@given(changes=CHANGES)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_in_a_record_is_a_fault_of_the_server(fhir, changes):
    entries = changed(visit(), changes)
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    for answer in (fhir.post("", bundle), fhir.post(TYPE, entries[0]["resource"])):
        assert answer.status_code < 500, answer.text
        is_told = answer.json()["resourceType"] == "OperationOutcome"
        assert is_told == (answer.status_code >= 400)


def test_whatever_was_sent_its_quality_can_be_asked_for(fhir):
    assert fhir.bundle("MeasureReport?_count=1&_total=accurate")["total"] >= 0
