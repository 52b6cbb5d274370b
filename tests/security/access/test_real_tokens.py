"""The real server with real tokens: what a token says of itself in the matrix, records say here."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest

from server import content
from server.auth import shelves
from server.identity import shelves as identity
from tests.processes import APPLICATION as REAL_SERVER
from tests.security.access import issuing
from tests.security.access.issuing import REAL, Issuer
from tests.security.access.judging import Judge, Report
from tests.security.access.oracle import Oracle, Stored
from tests.security.access.searches import SEARCHES
from tests.security.access.shapes import observation
from tests.security.access.test_matrix import AT_ONCE, CLOSELY, HISTORIES
from tests.security.access.tokens import BY_NAME
from tests.security.access.wire import Wire
from tests.security.access.world import HOSPITALS, World, database_name, fill, serving

EACH = 4
WORKERS = 2
ASKED = 24


class Ticketed(Wire):
    """A wire that shows real tokens in the place of those that say what they are."""

    def __init__(self, wire, issuer):
        super().__init__(f"http://{wire.address}", wire.base)
        self._issuer, self._issued = issuer, {}

    def send(self, method, path, token=None, body=None, **headers):
        if token is not None and not isinstance(token, str):
            if token.name not in self._issued:
                self._issued[token.name] = self._issuer.issue(token)[0]
            token = self._issued[token.name]
        return super().send(method, path, token, body, **headers)


def shipped():
    """Return what the real server brings along, which the one that fills the world does not."""
    folders = content.PROFILES, content.TERMINOLOGY
    files = sorted(file for folder in folders for file in folder.glob("[A-Z]*/*.json"))
    bodies = [(file, json.loads(file.read_bytes())) for file in files]
    return [Stored(file.parent.name, file.stem, 1, body, None, None) for file, body in bodies]


@pytest.fixture(scope="module")
def both(mongodb_url, tmp_path_factory):
    """The filled world: the real server, the one that it was filled through, and an issuer."""
    folder, database = tmp_path_factory.mktemp("real"), database_name()
    with (
        serving(mongodb_url, folder / "filling.log", database) as filling,
        serving(mongodb_url, folder / "real.log", database, REAL_SERVER, workers=WORKERS) as real,
    ):
        stored, known = [*fill(filling), *shipped()], issuing.services(mongodb_url, database)
        world = World(filling, stored)
        ticketed = Ticketed(real, Issuer(known))
        try:
            yield world, ticketed, Issuer(known)
        finally:
            ticketed.close()
            known.close()


@pytest.fixture(scope="module")
def oracle(both):
    return Oracle(both[0].stored)


def statuses(wire, bearer, path="Patient/a", times=ASKED):
    """Return the statuses that a token gets, asked of every worker."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {got.status for got in pool.map(lambda _: wire.get(path, bearer), range(times))}


@pytest.mark.parametrize("name", REAL)
def test_a_real_token_gives_what_the_oracle_says(both, oracle, name):
    _, wire, _ = both
    report, token = Report(), REAL[name]
    judge, turn = Judge(wire, oracle, report, [*REAL.values()]), [*REAL].index(name)
    wire.get("metadata", token)
    asked = [
        *(partial(judge.search, token, one, 2 * number)
          for number, one in enumerate(SEARCHES[turn % EACH :: EACH])),
        *(partial(judge.read, token, *one, closely=False)
          for one in oracle.versions if one[1] in CLOSELY),
        *(partial(judge.history, token, one) for one in HISTORIES[:3]),
    ]  # fmt: skip
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda ask: ask(), asked))
    assert report.faults == []
    assert report.cases > 60


@pytest.mark.parametrize("how", ["grant", "client", "account"])
def test_after_a_revocation_no_worker_gives_the_next_page(both, how):
    _, wire, issuer = both
    bearer, name = issuer.issue(BY_NAME["app-a"])
    page = wire.get("Observation?_count=2", bearer)
    assert statuses(wire, bearer) == {200}
    issuer.tokens.revoke_all(how, name)
    assert statuses(wire, bearer) == {401}
    assert statuses(wire, bearer, page.link("next")) == {401}
    again, _ = issuer.issue(BY_NAME["app-a"])
    assert statuses(wire, again, page.link("next")) == {200}


@pytest.mark.parametrize(
    ("layout", "values"),
    [
        (shelves.GRANTS, {"status": "revoked"}),
        (shelves.CLIENTS, {"status": "suspended"}),
        (identity.ACCOUNTS, {"status": "locked"}),
    ],
    ids=["consent", "client", "account"],
)
def test_what_a_token_stands_on_ends_it_at_once(both, layout, values):
    _, wire, issuer = both
    bearer, name = issuer.issue(BY_NAME["app-a"])
    assert statuses(wire, bearer) == {200}
    issuer.services.store.shelf(layout).change(name, values)
    issuer.services.trail.bump()
    assert statuses(wire, bearer) == {401}


def test_a_child_that_comes_of_age_is_seen_no_more(both):
    _, wire, issuer = both
    bearer, name = issuer.issue(BY_NAME["guardian"])
    assert statuses(wire, bearer, "Patient/c") == {200}
    issuer.services.store.shelf(identity.BONDS).change(f"{name}-Patient/c", {"born": "2001-01-01"})
    issuer.services.trail.bump()
    assert 200 not in statuses(wire, bearer, "Patient/c")


def test_nothing_is_given_once_a_revocation_is_done(both):
    _, wire, issuer = both
    bearer, name = issuer.issue(BY_NAME["app-a"])
    revoked, began, late, got = Event(), Event(), [], set()

    def ask(_):
        afterwards = 0
        while afterwards < 5:
            was_revoked = revoked.is_set()
            status = wire.get("Observation?_count=5", bearer).status
            got.add(status)
            began.set()
            if status == 401:
                # Who goes on with a token that is refused is told to wait in the end (429).
                revoked.wait(60)
            if was_revoked:
                late.append(status)
                afterwards += 1

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asking = [pool.submit(ask, number) for number in range(AT_ONCE)]
        assert began.wait(60)
        issuer.tokens.revoke_all("grant", name)
        revoked.set()
        for each in asking:
            each.result()
    assert got <= {200, 401}
    assert len(late) == 5 * AT_ONCE
    assert set(late) == {401}


@pytest.mark.parametrize("order", ["_sort=_id", "_sort=_lastUpdated", "_sort=date", ""])
@pytest.mark.parametrize("change", ["moves", "becomes sensitive"])
def test_what_is_lost_between_two_pages_is_not_on_the_second(both, order, change):
    world, wire, issuer = both
    bearer, _ = issuer.issue(BY_NAME["app-a"])
    mark = f"z{order.removeprefix('_sort=')}-{change.replace(' ', '-')}".replace("_", "")
    ids = [f"{mark}{number}" for number in range(4)]
    for id in ids:
        new = observation(id, "Patient/a", "laboratory", method={"text": mark})
        assert world.wire.send("PUT", f"Observation/{id}", HOSPITALS["1"], new).status == 201
    page = wire.get(f"Observation?_id={','.join(ids)}&_count=2&{order}", bearer)
    seen = {key[1] for key in page.keys("match")}
    assert len(seen) == 2
    for id in set(ids) - seen:
        then = {
            "moves": observation(id, "Patient/b", "laboratory"),
            "becomes sensitive": observation(id, "Patient/a", "laboratory")
            | {"code": {"coding": [{"system": "http://loinc.org", "code": "7917-8"}]}},
        }
        written = world.wire.send("PUT", f"Observation/{id}", HOSPITALS["1"], then[change])
        assert written.status == 200
    following = wire.get(page.link("next"), bearer)
    assert following.status == 200
    assert [key for key in following.keys("match") if key[1] in ids] == []
