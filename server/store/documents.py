"""A resource version as a MongoDB document.

``{_id, v, lu, raw, ...index entries}`` is a current version, `raw` the bytes
of its JSON, `lu` its lastUpdated in microseconds since 1970 (UTC), `post` is
there if it was created by POST. `own` is the unit responsible
for it, `div` the divisions it belongs to, `shut` is there if nobody else may
see it, `via` if it is seen as another resource is, `seal` and `whom` if it is
of the trail. `chk` is by which rules it was checked when it was stored: the level, then the
profiles. A deleted resource keeps a tombstone
``{_id, v, lu, del: True}`` with what decides who may know of it, so that its
versions go on where they stopped. In the history `_id` is ``<id>/<version>``,
`rid` the id and `until` the moment of the next version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.binary import Binary
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from server.fhir.outcome import TooLarge, Unprocessable

Document = dict[str, Any]

MARKS = ("own", "div", "shut", "kept")
"""What a resource belongs to, which its content does not say; `shut` is there if the patient wants
it to be seen by nobody but who made it. `kept`, of a Patient, is what they so want."""
_STAYING = ("own", "div")
"""The marks that a version passes on to the next; of a Patient it is all of them."""
VERSION_FIELDS = dict.fromkeys(("v", "lu", "raw", "del", "post", "chk", "comp", "via", *MARKS), 1)
NOT_ENTRIES = frozenset(("_id", "v", "lu", "raw", "del", "post", "chk", "seal", "whom", *MARKS))
"""The fields of a current version that are not index entries."""
KEPT_ENTRIES = ("comp", "via", "sec", "t", "c", "pt", "has")
"""The index entries that the history keeps, for they decide who may see a version."""
KEPT_FIELDS = {"_id": 1, **VERSION_FIELDS, **dict.fromkeys(KEPT_ENTRIES, 1)}
BURIED = ("comp", "pt", "via", "sec", *MARKS)
"""What a tombstone keeps of the resource."""

# Of a listing; a page of large resources ends early, so that it never takes much memory.
PAGE_BYTES = 32_000_000
_LARGEST = 16_000_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource on its way in: `body` without white space, `entries` for its index.

    `posted` tells that the server chose the id. `marks` are `div` and `shut`, where its content or
    its patient decides them; `defaults` are `own` and `div` of what nothing else says them of.
    `checked` is by which rules: the level and the profiles.
    """

    type: str
    id: str
    body: bytes
    entries: Mapping[str, Any]
    posted: bool = False
    marks: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    checked: tuple[str, ...] = ()

    def over(self, old: Mapping[str, Any]) -> "Draft":
        """Return this draft with all its marks, where the version before it has the marks `old`."""
        if not (old or self.defaults):
            return self
        names = MARKS if self.type == "Patient" else _STAYING
        stays = {name: old[name] for name in names if name in old}
        marks = {**self.defaults, **stays, **self.marks}
        # dataclasses.replace would cost three times as much, for each resource that is stored.
        return Draft(
            self.type,
            self.id,
            self.body,
            self.entries,
            self.posted,
            marks,
            checked=self.checked,
        )


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version. `body` is None when this version is a deletion.

    `last_updated` is in microseconds since 1970 (UTC). `posted` tells that this
    version was created by POST. `patients` are those it is about, `marks` all that it bears.
    `via` is a reference to what it is seen as, `checked` by which rules it was checked.
    """

    type: str
    id: str
    version: int
    last_updated: int
    body: bytes | None
    posted: bool = False
    patients: tuple[str, ...] = ()
    marks: Mapping[str, Any] = field(default_factory=dict)
    via: str | None = None
    checked: tuple[str, ...] = ()


def current(draft: Draft, version: int, last_updated: int, stamped: bytes) -> Document:
    """Return the document of the current version of `draft`, whose final bytes are `stamped`."""
    posted = {"post": True} if draft.posted and version == 1 else {}
    return {
        "_id": draft.id,
        "v": version,
        "lu": last_updated,
        "raw": Binary(stamped),
        **posted,
        **({"chk": list(draft.checked)} if draft.checked else {}),
        **draft.entries,
        **draft.marks,
    }


def tombstone(version: int, last_updated: int) -> Document:
    """Return the ``$replaceWith`` expression for a document that was deleted as `version`."""
    kept = {name: f"${name}" for name in BURIED}
    return {"_id": "$_id", "v": version, "lu": last_updated, "del": True, **kept}


def superseded(old: Document, until: int) -> Document:
    """Return what the history keeps of `old`, which was current until `until`."""
    left_out = ("_id", "div", "shut", "kept")
    kept = {name: old[name] for name in KEPT_FIELDS if name in old and name not in left_out}
    return {"_id": f"{old['_id']}/{old['v']}", "rid": old["_id"], "until": until, **kept}


def encoded(document: Document) -> RawBSONDocument:
    """Return `document` in the bytes that MongoDB takes.

    Documents of many callers are sent together; what is wrong with one has to
    come out here, while it is still alone.

    Raises TooLarge if it has more than 16 MB with its index entries,
    Unprocessable if a value of it has no form in BSON.
    """
    try:
        data = bson.encode(document)
    except (BSONError, OverflowError, UnicodeEncodeError) as error:
        raise Unprocessable.because("resource-unstorable") from error
    if len(data) > _LARGEST:
        raise TooLarge.because("resource-too-large", limit=_LARGEST)
    return RawBSONDocument(data)


def version(type: str, document: Document) -> Version:
    """Return the version in `document`, which is of the current or the history collection."""
    body = None if document.get("del") else bytes(document["raw"])
    id: str = document.get("rid") or document["_id"]
    marks = {name: document[name] for name in MARKS if name in document}
    return Version(
        type,
        id,
        document["v"],
        document["lu"],
        body,
        document.get("post", False),
        tuple(document.get("comp", ())),
        marks,
        document.get("via"),
        tuple(document.get("chk", ())),
    )
