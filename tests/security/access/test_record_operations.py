"""Operations on records: nobody gets more by one of them than by reading, nor less.

Each token asks for each record; what it should get the oracle works out from plain JSON.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.security.access import records
from tests.security.access.judging import marks, unmasked
from tests.security.access.tokens import APPS, BY_NAME, TOKENS, app
from tests.security.access.wire import Answer
from tests.security.access.world import BASE

RESIDENTS = "abcdef"
COMPOSITIONS = ("cmp-a", "cmp-a-b", "cmp-b", "cmp-d", "cmp-d-open")
AT_ONCE = 8
REQUIRED = {"11450-4": "Condition", "48765-2": "AllergyIntolerance"}


@pytest.fixture(params=TOKENS, ids=lambda token: token.name, scope="module")
def token(request):
    return request.param


def pages(world, token, url):
    """Return every page, until one is refused."""
    found = [world.wire.get(url, token)]
    while found[-1].status == 200 and (following := found[-1].link("next")) is not None:
        found.append(world.wire.get(following, token))
        assert len(found) < 500
    return found


def each(ask, *cases):
    """Ask in every one of the cases, several at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, *cases))


def judge(want, got: list[Answer], token):
    """Hold all pages together to what is wanted."""
    assert {one.status for one in got} == {want.status}
    for one in got:
        assert unmasked(one, token) is None
        assert marks(one) <= want.matches | want.included
    if want.status == 200:
        matches = [key for one in got for key in one.keys("match")]
        included = [key for one in got for key in one.keys("include")]
        assert sorted(matches) == sorted(want.matches)
        assert sorted(included) == sorted(want.included)


def test_a_record_holds_what_the_token_may_see(world, oracle, token):
    def ask(patient):
        want = records.everything(oracle, token, patient)
        for count in (1000, 3):
            path = f"Patient/{patient}/$everything?_count={count}"
            judge(want, pages(world, token, path), token)

    each(ask, RESIDENTS)


def test_the_records_of_all_are_those_that_the_token_may_see(world, oracle, token):
    want = records.everything(oracle, token)
    for count in (1000, 17):
        judge(want, pages(world, token, f"Patient/$everything?_count={count}"), token)


def test_of_observations_the_token_gets_what_it_may_search(world, oracle, token):
    def ask(patient):
        for category in ("laboratory", "vital-signs"):
            want = records.lastn(oracle, token, patient, category)
            query = f"subject=Patient/{patient}&category={category}&max=1000"
            judge(want, [world.wire.get(f"Observation/$lastn?{query}", token)], token)

    each(ask, RESIDENTS)


def test_a_document_holds_what_the_token_may_read_or_there_is_none(world, oracle, token):
    def ask(id):
        want = records.document(oracle, token, id)
        got = world.wire.get(f"Composition/{id}/$document", token)
        assert got.status == want.status
        assert unmasked(got, token) is None
        assert marks(got) <= want.matches
        if want.status == 200:
            assert sorted(got.keys()) == sorted(want.matches)

    each(ask, COMPOSITIONS)


def test_a_summary_holds_what_the_token_may_see(world, oracle, token):
    def ask(patient):
        want = records.everything(oracle, token, patient)
        got = world.wire.get(f"Patient/{patient}/$summary", token)
        assert got.status == want.status
        assert unmasked(got, token) is None
        if got.status == 200:
            judge_summary(oracle, token, patient, got)
        else:
            assert marks(got) == set()

    each(ask, RESIDENTS)


def judge_summary(oracle, token, patient, got):
    """Hold a summary to what the token may read, and its required sections to all of that."""
    entries = {one["fullUrl"]: one["resource"] for one in got.entries()}
    keys = {
        (one["resourceType"], one["id"], int(one["meta"]["versionId"]))
        for url, one in entries.items()
        if url.startswith(BASE)
    }
    assert keys <= {one.key for type, *_ in keys for one in oracle.known(token, type, "r")}
    assert marks(got) <= keys
    composition = got.entries()[0]["resource"]
    sections = {one["code"]["coding"][0]["code"]: one for one in composition["section"]}
    for code, type in REQUIRED.items():
        told = {entries[one["reference"]].get("id") for one in sections[code].get("entry", ())}
        if not {"r", "s"} <= oracle.letters(token, type):
            assert sections[code]["emptyReason"]["coding"][0]["code"] == "withheld"
            assert told == set()
            continue
        seen = oracle.known(token, type, "rs")
        want = {one.id for one in seen if records.about(type, one.body) == f"Patient/{patient}"}
        assert told == (want or {None}), "or that nothing is known"


@pytest.mark.parametrize("name", ["app-a", "clinician-north", "backend"])
def test_a_link_made_for_another_gives_no_more_than_ones_own(world, oracle, name):
    first = world.wire.get("Patient/a/$everything?_count=2", BY_NAME[name])
    url = first.link("next")
    for other in APPS:
        want = records.everything(oracle, other, "a")
        got = world.wire.get(url, other)
        assert got.status == want.status
        assert marks(got) <= want.matches | want.included


def test_a_record_holds_only_what_may_be_both_read_and_searched(world):
    letters = "patient/Observation.r?category=laboratory patient/Observation.s?category=vital-signs"
    one = app("one-of-each", f"patient/Patient.rs {letters}", "Patient/a")
    got = world.wire.get("Patient/a/$everything", one)
    assert {key[0] for key in got.keys()} == {"Patient"}  # noqa: SIM118  # an answer
    assert world.wire.get("Observation/lab-a", one).status == 200
    assert world.wire.get("Patient/a/Observation", one).keys()


def test_without_a_token_there_is_nothing(world):
    for path in ("Patient/a/$everything", "Patient/$everything", "Patient/a/$summary",
                 "Observation/$lastn?patient=a&code=x", "Composition/cmp-a/$document"):  # fmt: skip
        got = world.wire.get(path)
        assert got.status == 401
        assert marks(got) == set()


@pytest.mark.parametrize("type", ["Observation", "AuditEvent", "Encounter"])
def test_a_type_without_a_right_is_refused_by_name(world, oracle, type):
    token = BY_NAME["app-a-no-patient"]
    assert world.wire.get(f"Patient/a/$everything?_type={type}", token).status == 403
    few = BY_NAME["app-a-few-types"]
    allowed = {"r", "s"} <= oracle.letters(few, type)
    got = world.wire.get(f"Patient/a/$everything?_type={type}", few)
    assert got.status == (200 if allowed else 403)


def test_who_may_not_store_a_document_does_not(world):
    for name in ("app-a", "clinician-south", "backend-masked"):
        path = "Composition/cmp-a/$document?persist=true"
        got = world.wire.send("POST", path, BY_NAME[name])
        assert got.status in (403, 404)
        assert marks(got) == set()


def test_the_oracle_tells_tokens_apart(oracle):
    """The tests above would pass just as well if nobody saw anything."""
    numbers = {
        (len(want.matches), len(want.included))
        for token in TOKENS
        for want in [records.everything(oracle, token, "a")]
        if want.status == 200
    }
    assert len(numbers) > 5
    documents = {records.document(oracle, t, id).status for t in TOKENS for id in COMPOSITIONS}
    assert documents == {200, 403, 404, 422}
