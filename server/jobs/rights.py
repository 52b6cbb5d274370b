"""The rights of a job: those of its caller as they are when it runs, and when its result is given.

A job keeps no token. It has a record among the tokens, made of the caller's, which nobody can
present and which ends with theirs when that is revoked, with the authorisation when that is
withdrawn, and with the client and the account. What it gives is found out anew each time.
"""

from datetime import UTC, datetime, timedelta

from server.access.policy import OPEN, Access
from server.auth import rights, shelves
from server.auth.tokens import Tokens
from server.fhir.outcome import Unauthenticated
from server.services import Services
from server.store.queue import Job


def delegated(services: Services, token: str, seconds: float) -> str:
    """Return the id of the record by which a job has the rights of the access `token`.

    It lasts for so many seconds, and as long as the rights themselves at most; a system's last
    until then, for what it is granted ends with each token. Raises Unauthenticated.
    """
    ends = datetime.now(UTC) + timedelta(seconds=seconds)
    record = Tokens.of(services).delegate(token, ends)
    if record is None:
        raise Unauthenticated.because("token-unknown")
    if record["account"] is None:
        services.store.shelf(shelves.GRANTS).change(record["grant"], {"expires_at": ends})
    return str(record["id"])


def held(services: Services, job: Job) -> Access | None:
    """Return what `job` may do now, None if its rights have ended."""
    if services.interpreters.settings.access == "open":
        return OPEN
    record = services.store.shelf(shelves.TOKENS).find(job.token or "")
    if record is None:
        return None
    found = rights.of(services, record)
    return None if found is None else services.access(found)


def end(services: Services, job: Job) -> None:
    """Have `job`, which is done with, no rights any more."""
    if job.token is not None:
        services.store.shelf(shelves.TOKENS).take(job.token)
