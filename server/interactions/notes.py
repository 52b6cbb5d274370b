"""What is noted of a transaction in the database, so that its answer can be given once more.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response
"""

from collections.abc import Mapping

import msgspec

from server.context import Context
from server.fhir.outcome import NotFound
from server.interactions.call import Disclosed
from server.store.documents import Version

Outcomes = Mapping[int, tuple[int, Version | None]]
"""The status of each entry, and the version that tells of it, by its place."""
_Named = tuple[str, str, int, int, tuple[str, ...]]
_Kept = tuple[dict[int, tuple[int, _Named | None]], tuple[Disclosed, ...]]
_NOTE = msgspec.msgpack.Decoder(_Kept)


def noted(outcomes: Outcomes, more: tuple[Disclosed, ...]) -> bytes:
    """Return the note of `outcomes` and of what `more` was written, without any content."""
    entries = {place: (status, _named(version)) for place, (status, version) in outcomes.items()}
    return msgspec.msgpack.encode((entries, more))


def recalled(context: Context, note: bytes) -> tuple[Outcomes, tuple[Disclosed, ...]]:
    """Return the outcomes in `note`, with the content that the caller may read, and what more."""
    entries, more = _NOTE.decode(note)
    outcomes = {
        place: (status, None if named is None else _version(context, named))
        for place, (status, named) in entries.items()
    }
    return outcomes, more


def _named(version: Version | None) -> _Named | None:
    if version is None:
        return None
    # MongoDB gives whole numbers of a type of its own, which only it writes.
    numbers = int(version.version), int(version.last_updated)
    return version.type, version.id, *numbers, version.patients


def _version(context: Context, named: _Named) -> Version:
    type, id, version, last_updated, patients = named
    try:
        return context.history.version(type, id, version)
    except NotFound:
        return Version(type, id, version, last_updated, b"", patients=patients)
