"""What the driver reports, as refusals that a caller can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from server.fhir.outcome import Conflict, FhirError, TooCostly, Unavailable

_WRITE_CONFLICT = 112


@contextmanager
def refused() -> Iterator[None]:
    """Turn a failure of the database into a refusal.

    Raises TooCostly if the database stopped the work for taking too long,
    Conflict if others kept writing the same documents,
    Unavailable if it cannot be reached or cannot write now.
    """
    try:
        yield
    except ExecutionTimeout as error:
        raise TooCostly.because("database-work-too-long") from error
    except OperationFailure as error:
        if error.code == _WRITE_CONFLICT:
            raise _later(Conflict.because("database-contended")) from error
        raise _later(Unavailable.because("database-unavailable")) from error
    except PyMongoError as error:
        raise _later(Unavailable.because("database-unavailable")) from error


def _later(refusal: FhirError) -> FhirError:
    refusal.headers["Retry-After"] = "5"
    return refusal
