"""The rest of a long answer: when it goes on, when it ends, and that it is closed."""

import time

import pytest

from server.access.policy import ANYBODY, OPEN
from server.api import streaming
from server.api.streaming import CutOff, Teller
from server.fhir.outcome import FhirError, Unauthenticated, Unavailable
from server.interactions.call import Disclosed, Piece, Result


class Trail:
    """Keeps what it is given, and says which epoch it is."""

    def __init__(self, epoch=1):
        self.now, self.told = epoch, []

    def append(self, event):
        self.told.append(event)
        return self.now


class Asker:
    """Somebody with `access`; counts how often they are asked who they are."""

    def __init__(self, access=OPEN):
        self.access, self.times = access, 0

    def __call__(self):
        self.times += 1
        if isinstance(self.access, FhirError):
            raise self.access
        return self.access


class Pieces:
    """So many pieces, each of one version, before a `failure` if there is one."""

    def __init__(self, count, failure=None):
        self.is_open, self.failure = True, failure
        self.all = [
            Piece(str(n).encode(), (Disclosed("Patient", str(n), 1),)) for n in range(count)
        ]

    def told(self):
        try:
            yield from self.all
            if self.failure is not None:
                raise self.failure
        finally:
            self.is_open = False


@pytest.fixture
def teller():
    def made(trail, asker):
        def event(answer, number):
            return number, answer.status

        def failure(error):
            return (
                error if isinstance(error, FhirError) else Unavailable.because("trail-unavailable")
            )

        return Teller("id", OPEN, asker, event, failure, trail)

    return made


def test_each_piece_is_recorded_before_it_leaves(teller):
    trail, asker, pieces = Trail(), Asker(), Pieces(3)
    for number, body in enumerate(teller(trail, asker).bodies(pieces.told(), 1)):
        assert body == str(number).encode()
        assert trail.told[-1] == (number + 2, 200)
        assert len(trail.told) == number + 1
    assert (asker.times, pieces.is_open) == (0, False)


def test_a_new_epoch_is_looked_into_once(teller):
    trail, asker = Trail(2), Asker()
    assert len(list(teller(trail, asker).bodies(Pieces(3).told(), 1))) == 3
    assert asker.times == 1


@pytest.mark.parametrize(
    ("access", "status"), [(ANYBODY, 403), (Unauthenticated.because("token-unknown"), 401)]
)
def test_other_rights_end_it_before_the_piece_leaves(teller, access, status):
    trail, pieces = Trail(), Pieces(3)
    told = teller(trail, Asker(access)).bodies(pieces.told(), 1)
    assert next(told) == b"0"
    trail.now = 2
    with pytest.raises(CutOff):
        next(told)
    assert trail.told == [(2, 200), (3, 200), (3, status)]
    assert not pieces.is_open


def test_rights_that_end_by_themselves_are_looked_after(teller, monkeypatch):
    monkeypatch.setattr(streaming, "_RENEWED_SECONDS", 0.05)
    asker = Asker()
    told = teller(Trail(), asker).bodies(Pieces(9).told(), 1)
    next(told)
    assert asker.times == 0
    time.sleep(0.06)
    next(told)
    assert asker.times == 1
    asker.access = ANYBODY
    time.sleep(0.06)
    with pytest.raises(CutOff):
        next(told)


def test_a_failure_midway_ends_it(teller):
    trail = Trail()
    told = teller(trail, Asker()).bodies(Pieces(1, KeyError("x")).told(), 1)
    assert next(told) == b"0"
    with pytest.raises(CutOff) as cut:
        next(told)
    assert trail.told[-1] == (3, 503)
    assert cut.value.__suppress_context__, "what failed is in the log already"


def test_who_wants_no_more_closes_what_it_is_read_from(teller):
    trail, pieces = Trail(), Pieces(3)
    told = teller(trail, Asker()).bodies(pieces.told(), 1)
    next(told)
    told.close()
    assert (trail.told, pieces.is_open) == ([(2, 200)], False)


def test_without_a_trail_nobody_is_asked(teller):
    assert list(teller(None, Asker(ANYBODY)).bodies(Pieces(2).told(), 0)) == [b"0", b"1"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_whole_is_all_pieces_and_all_that_they_tell_of(count):
    pieces = Pieces(count)
    begun = Result(status=200, body=b"[", disclosed=(Disclosed("Patient", "first", 1),))
    assert begun.whole() is begun
    whole = Result(status=200, body=b"[", disclosed=begun.disclosed, rest=pieces.told()).whole()
    assert whole.body == b"[" + b"".join(one.body for one in pieces.all)
    assert [one.id for one in whole.disclosed] == ["first", *map(str, range(count))]
    assert whole.rest is None
    assert not pieces.is_open
