"""Operations show and change no more than a read and an update would.

What is forbidden and what is not there look the same; each refusal stands beside what is allowed.
"""

import json

import pytest

from tests.builders import fresh
from tests.security.access.shapes import observation, person
from tests.security.access.tokens import NORTH, SOUTH, app, staff, system
from tests.security.access.world import HOSPITALS, WHOLE, database_name, serving

NORTHERN = staff("northern", "clinician", "user/*.cruds", divisions=(NORTH,), division=NORTH)
SOUTHERN = staff("southern", "clinician", "user/*.cruds", divisions=(SOUTH,), division=SOUTH)
READER = staff("reader", "clinician", "user/*.rs", divisions=(NORTH,), division=NORTH)
NOBODY = staff("few", "clinician", "user/Condition.rs", divisions=(NORTH,), division=NORTH)
LABORATORY = staff(
    "laboratory", "clinician", "user/Observation.cruds?category=laboratory",
    divisions=(NORTH,), division=NORTH,
)  # fmt: skip
APP = app("app", "patient/*.rs", "Patient/n")
OWN = system(
    "own", "system/*.cruds", organizations=("Organization/org-1",), withheld=("HIV",),
    organization="Organization/org-1", division=NORTH,
)  # fmt: skip
LIMITED = system("limited", "system/*.cruds", withheld=("HIV",), division=NORTH)
MASKED = system(
    "masked", "system/*.cruds", masks={"Patient": (("birthDate",), ("name", "identifier"))}
)
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
HIV = {"system": ACT_CODE, "code": "HIV"}


def given(**meta):
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


@pytest.fixture(scope="module")
def wire(mongodb_url, tmp_path_factory):
    """A server with one patient in the north, whose record hospital 1 keeps."""
    log = tmp_path_factory.mktemp("operations") / "server.log"
    with serving(mongodb_url, log, database_name()) as wire:
        who = person("n", NORTH, 1)
        for body in (who, {**who, "birthDate": "1981-02-03"}):
            assert wire.send("PUT", "Patient/n", HOSPITALS["1"], body).status in (200, 201)
        yield wire


@pytest.fixture
def stored(wire):
    """Return a function that stores an Observation about the patient and returns its URL."""

    def store(**meta):
        id = fresh()
        body = (
            {**observation(id, "Patient/n", "laboratory"), "meta": meta}
            if meta
            else (observation(id, "Patient/n", "laboratory"))
        )
        got = wire.send("PUT", f"Observation/{id}", HOSPITALS["1"], body)
        assert got.status == 201, got.body
        return f"Observation/{id}"

    return store


def issues(got):
    return [one["details"]["coding"][0]["code"] for one in got.json["issue"]]


OPERATIONS = [
    ("GET", "$meta", None),
    ("GET", "$diff", None),
    ("GET", "$validate", None),
    ("POST", "$meta-add", given(tag=[{"code": "a"}])),
    ("POST", "$meta-delete", given(tag=[{"code": "a"}])),
]


@pytest.mark.parametrize(("method", "operation", "body"), OPERATIONS)
def test_what_is_not_theirs_is_not_there(wire, method, operation, body):
    there = wire.send(method, f"Patient/n/{operation}", NORTHERN, body)
    hidden = wire.send(method, f"Patient/n/{operation}", SOUTHERN, body)
    absent = wire.send(method, f"Patient/q/{operation}", SOUTHERN, body)
    assert there.status == 200
    assert hidden.status == absent.status == 404
    assert hidden.body.replace(b"/n", b"/q") == absent.body


@pytest.mark.parametrize(("method", "operation", "body"), OPERATIONS[3:])
def test_who_may_only_read_changes_no_meta(wire, method, operation, body):
    assert wire.send(method, f"Patient/n/{operation}", READER, body).status == 403
    assert wire.send(method, f"Patient/n/{operation}", APP, body).status == 403


@pytest.mark.parametrize(("method", "operation", "body"), OPERATIONS)
def test_without_a_right_to_the_type_nothing_is_asked(wire, method, operation, body):
    assert wire.send(method, f"Patient/n/{operation}", NOBODY, body).status == 403
    assert wire.send(method, f"Patient/n/{operation}", None, body).status == 401


def test_what_is_in_use_is_told_of_what_is_seen_only(wire, stored):
    code = fresh()
    stored(tag=[{"system": "urn:t", "code": code}])
    for path in ("Observation/$meta", "$meta"):
        assert code in wire.get(path, NORTHERN).body.decode()
        assert code in wire.get(path, APP).body.decode()
        assert code not in wire.get(path, SOUTHERN).body.decode()
    assert code not in wire.get("$meta", NOBODY).body.decode()


def test_a_label_is_not_taken_away_by_who_is_limited_by_it(wire, stored):
    url = stored(security=[HIV])
    assert wire.get(url, OWN).status == 200
    assert wire.get(url, LIMITED).status == 404
    taken = given(security=[HIV])
    assert wire.send("POST", f"{url}/$meta-delete", OWN, taken).status == 403
    assert wire.send("POST", f"{url}/$meta-delete", LIMITED, taken).status in (403, 404)
    assert wire.get(url, LIMITED).status == 404
    assert wire.send("POST", f"{url}/$meta-delete", HOSPITALS["1"], taken).status == 200
    assert wire.get(url, LIMITED).status == 200


def test_a_label_is_put_on_by_who_still_sees_it_then(wire, stored):
    url = stored()
    more = given(security=[HIV])
    assert wire.send("POST", f"{url}/$meta-add", LIMITED, more).status == 403
    assert wire.get(url, LIMITED).status == 200
    assert wire.send("POST", f"{url}/$meta-add", OWN, more).status == 200
    assert wire.get(url, LIMITED).status == 404


def test_a_difference_shows_nothing_that_is_masked(wire):
    whole = wire.get("Patient/n/$diff?from=1&to=2", NORTHERN)
    assert "1981-02-03" in whole.body.decode()
    masked = wire.get("Patient/n/$diff?from=1&to=2", MASKED)
    assert masked.status == 200
    assert "1981" not in masked.body.decode()
    assert "birthDate" not in masked.body.decode()


def test_what_is_not_seen_whole_is_neither_validated_nor_labelled(wire):
    assert wire.get("Patient/n/$validate", MASKED).status == 403
    more = given(tag=[{"code": "a"}])
    assert wire.send("POST", "Patient/n/$meta-add", MASKED, more).status == 403


def validated(wire, token, mode, body, path="Observation"):
    rows = [{"name": "mode", "valueCode": mode}, {"name": "resource", "resource": body}]
    sent = {"resourceType": "Parameters", "parameter": rows}
    got = wire.send("POST", f"{path}/$validate", token, sent)
    assert got.status == 200, got.body
    return issues(got)


def test_a_validation_foretells_what_a_write_would_say(wire, stored):
    new = observation("new", "Patient/n", "laboratory")
    assert "validate-good" in validated(wire, NORTHERN, "create", new)
    assert "interaction-forbidden" in validated(wire, READER, "create", new)
    assert "content-forbidden" in validated(wire, SOUTHERN, "create", new)
    url = stored()
    body = json.loads(wire.get(url, WHOLE).body)
    assert "validate-good" in validated(wire, NORTHERN, "update", body, url)
    assert "resource-unknown" in validated(wire, SOUTHERN, "update", body, url)


def test_a_validation_tells_nothing_of_what_is_not_seen(wire, stored):
    url = stored()
    deleting = "$validate?mode=delete"
    assert "validate-good" in issues(wire.get(f"{url}/{deleting}", NORTHERN))
    hidden = issues(wire.get(f"{url}/{deleting}", SOUTHERN))
    assert hidden == issues(wire.get(f"Observation/{fresh()}/{deleting}", SOUTHERN))


@pytest.mark.parametrize("there", [False, True])
def test_a_transaction_says_which_entry_is_not_the_callers_to_write(wire, there):
    new = {"request": {"method": "POST", "url": "Observation"}}
    allowed, forbidden = (
        {**new, "resource": observation("x", "Patient/n", kind)}
        for kind in ("laboratory", "vital-signs")
    )
    if there:
        id = fresh()
        was = observation(id, "Patient/n", "laboratory")
        assert wire.send("PUT", f"Observation/{id}", HOSPITALS["1"], was).status == 201
        forbidden["request"] = {"method": "PUT", "url": f"Observation/{id}"}
        forbidden["resource"]["id"] = id
    entries = [allowed, allowed, forbidden, allowed]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    refused = wire.send("POST", "", LABORATORY, bundle)
    (issue,) = json.loads(refused.body)["issue"]
    assert refused.status == 403
    assert issue["details"]["coding"][0]["code"] == "content-forbidden"
    assert issue["expression"] == ["Bundle.entry[2]"]
    bundle["entry"] = [allowed, allowed]
    assert wire.send("POST", "", LABORATORY, bundle).status == 200
