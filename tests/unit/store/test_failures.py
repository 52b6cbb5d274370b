"""What a caller hears of the database's failures."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    DocumentTooLarge,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteError,
)

from server.fhir.outcome import Conflict, TooCostly, TooLarge, Unavailable, Unprocessable
from server.store.failures import refused

TIME_IS_OVER = ExecutionTimeout("operation exceeded time limit", 50)


@pytest.mark.parametrize(
    ("failure", "refusal"),
    [
        (TIME_IS_OVER, Unavailable),
        (NetworkTimeout("timed out"), Unavailable),
        (AutoReconnect("connection closed"), Unavailable),
        (ServerSelectionTimeoutError("no primary"), Unavailable),
        (OperationFailure("not primary", 10107), Unavailable),
        (OperationFailure("write conflict", 112), Conflict),
        (OperationFailure("cannot index parallel arrays", 171), Unprocessable),
        (WriteError("no geo keys", 16755), Unprocessable),
        (WriteError("object to insert too large", 10334), TooLarge),
        (DocumentTooLarge("command too large"), TooLarge),
        (OverflowError("up to 8-byte ints"), Unprocessable),
    ],
)
def test_each_failure_has_its_refusal(failure, refusal):
    with pytest.raises(refusal) as refused_with, refused():
        raise failure
    is_passing = refusal in (Unavailable, Conflict)
    assert ("Retry-After" in refused_with.value.headers) == is_passing


@pytest.mark.parametrize("failure", [TIME_IS_OVER, NetworkTimeout()])
def test_only_a_search_that_runs_out_of_time_is_too_costly(failure):
    with pytest.raises(TooCostly), refused(alive=lambda: True):
        raise failure
    with pytest.raises(Unavailable), refused(alive=lambda: False):
        raise failure
    with pytest.raises(Unavailable), refused():
        raise failure
