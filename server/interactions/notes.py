"""What is noted of a transaction in the database, so that its answer can be given once more.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response
"""

from collections.abc import Mapping

import msgspec

from server.context import Context
from server.fhir.outcome import NotFound
from server.store.documents import Version

Outcomes = Mapping[int, tuple[int, Version | None]]
"""The status of each entry, and the version that tells of it, by its place."""
_Named = tuple[str, str, int, int, tuple[str, ...]]
_NOTE = msgspec.msgpack.Decoder(dict[int, tuple[int, _Named | None]])


def noted(outcomes: Outcomes) -> bytes:
    """Return the note of `outcomes`, without the content of any resource."""
    return msgspec.msgpack.encode(
        {place: (status, _named(version)) for place, (status, version) in outcomes.items()}
    )


def recalled(context: Context, note: bytes) -> Outcomes:
    """Return the outcomes in `note`, with the content that the caller may read."""
    return {
        place: (status, None if named is None else _version(context, named))
        for place, (status, named) in _NOTE.decode(note).items()
    }


def _named(version: Version | None) -> _Named | None:
    if version is None:
        return None
    about = version.patients
    return version.type, version.id, version.version, version.last_updated, about


def _version(context: Context, named: _Named) -> Version:
    type, id, version, last_updated, patients = named
    try:
        return context.history.version(type, id, version)
    except NotFound:
        return Version(type, id, version, last_updated, b"", patients=patients)
