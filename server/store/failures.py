"""What the driver reports, as refusals that a caller can act on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    DocumentTooLarge,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
)

from server.fhir.outcome import Conflict, FhirError, TooCostly, TooLarge, Unavailable, Unprocessable

DUPLICATE_KEY = 11000
_WRITE_CONFLICT = 112
_SIZE_LIMIT = 16 * 1024 * 1024
_TOO_LARGE = frozenset((10334, 17419, 17420))
# Bad value, type mismatch, two lists in one index, no shape on the globe, key too long.
_UNINDEXABLE = frozenset((2, 14, 171, 16755, 17280))


@contextmanager
def refused(*, alive: Callable[[], bool] | None = None) -> Iterator[None]:
    """Turn a failure of the database into a refusal.

    For work that grows with what is stored, `alive` tells whether the database answers just
    now: it was not the work that took too long if it does not.

    Raises TooCostly if such work took too long,
    Conflict if others kept writing the same documents,
    TooLarge or Unprocessable if a document cannot be stored as it is,
    Unavailable if the database cannot be reached, or cannot do now what is asked.
    """
    try:
        yield
    except (ExecutionTimeout, NetworkTimeout) as error:
        # Single reads and writes run out of time only when the database is in trouble.
        if alive is not None and alive():
            raise TooCostly.because("database-work-too-long") from error
        raise Unavailable.because("database-unavailable") from error
    except OperationFailure as error:
        raise _refusal(error.code) from error
    except DocumentTooLarge as error:
        raise TooLarge.because("resource-too-large", limit=_SIZE_LIMIT) from error
    except PyMongoError as error:
        raise Unavailable.because("database-unavailable") from error
    except (BSONError, OverflowError) as error:
        raise Unprocessable.because("resource-unstorable") from error


def _refusal(code: int | None) -> FhirError:
    if code in _TOO_LARGE:
        return TooLarge.because("resource-too-large", limit=_SIZE_LIMIT)
    if code in _UNINDEXABLE:
        return Unprocessable.because("resource-unstorable")
    if code == _WRITE_CONFLICT:
        return _contended()
    return Unavailable.because("database-unavailable")


def _contended() -> Conflict:
    refusal = Conflict.because("database-contended")
    refusal.headers["Retry-After"] = "5"
    return refusal
