"""Where what is about a patient belongs: it bears the marks that the patient's document decides.

A patient's document has the divisions of their home, `div`, and what they keep from others, `kept`.
All that is about them repeats `div`, and has `shut` if they keep it.

Nothing locks the two against each other, so whoever has stored one of them looks at the patient's
document afterwards, and marks again until it says what was marked. Of a resource and a move that
are stored at the same time, the move then finds the resource if that was stored first; if not, who
stored the resource finds that the patient has moved.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from pymongo import UpdateMany
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure

from server.store.coalesce import Coalescer
from server.store.collections import Collections
from server.store.documents import Document
from server.store.failures import refused

ALL = "ALL"
"""Stands for every label, and for what has none."""
_SAYS = ("div", "kept")


class Belonging:
    """The marks of what is in `collections`. A patient is named ``Patient/a``."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._said = Coalescer(self._read, shared=(ConnectionFailure,))

    def marks(self, patient: str, labels: Collection[str]) -> Document:
        """Return the marks, `div` and `shut`, of what is about `patient` and has these `labels`.

        Those only that the patient's document, if there is one, decides.
        """
        with refused():
            return marks(self._of(patient), labels)

    def said(self, patients: Collection[str]) -> dict[str, Document]:
        """Return by patient what the documents of `patients` say, which is nothing if absent."""
        names = sorted(patients)
        with refused():
            rows = self._read([_id(name) for name in names]) if names else []
        return dict(zip(names, rows, strict=True))

    def keep(self, patient: str, labels: Collection[str]) -> None:
        """Have what of the record of `patient` has one of `labels` be seen by who made it alone.

        With ALL among them that is the whole record; what had been so kept before is open again.
        """
        with refused():
            patients = self._collections.current("Patient")
            patients.update_one({"_id": _id(patient)}, {"$set": {"kept": sorted(labels)}})
            self.settle_record(patient)

    def mark_record(
        self, patient: str, said: Mapping[str, Any], session: ClientSession | None = None
    ) -> None:
        """Mark all that is about `patient` by what their document has `said`."""
        for type in self._collections.types():
            field = self._collections.about(type)
            if field is not None:
                about = {field: _id(patient) if field == "_id" else patient}
                self._mark(type, about, said, session)

    def settle_record(self, patient: str) -> None:
        """Mark all that is about `patient`, whose document has been stored."""
        self._settle(patient, self._of(patient), lambda said: self.mark_record(patient, said))

    def settle(self, type: str, stored: Document, said: Document | None = None) -> None:
        """Mark the document `stored` of `type` if the patient it is about has changed meanwhile.

        `said` is what the patient's document has said behind that, if it has been read already.
        """
        match stored:
            case {"comp": [patient]}:
                said = self._of(patient) if said is None else said
            case _:
                return
        bears = {name: stored.get(name) for name in ("div", "shut")}
        if bears != {**bears, "shut": None, **marks(said, stored.get("sec", ()))}:
            # A later version about the same patient belongs there, too, and so does its grave.
            named = {"_id": stored["_id"], "comp": patient}
            self._settle(patient, said, lambda said: self._mark(type, named, said))

    def _settle(self, patient: str, said: Document, mark: Callable[[Document], None]) -> None:
        """Call `mark` with what the document of `patient` says, until it says the same after it."""
        mark(said)
        while (now := self._of(patient)) != said:
            said = now
            mark(said)

    def _mark(
        self,
        type: str,
        named: Document,
        said: Mapping[str, Any],
        session: ClientSession | None = None,
    ) -> None:
        changes = [UpdateMany({**named, **where}, change) for where, change in _changes(type, said)]
        self._collections.current(type).bulk_write(changes, session=session)

    def _of(self, patient: str) -> Document:
        """Return `div` and `kept` of the document of `patient`, as far as it has them."""
        return self._said.run(_id(patient))

    def _read(self, ids: Sequence[str]) -> list[Document]:
        wanted = dict.fromkeys(_SAYS, 1)
        rows = self._collections.current("Patient").find({"_id": {"$in": list(ids)}}, wanted)
        found = {row.pop("_id"): row for row in rows}
        return [found.get(id, {}) for id in ids]


def marks(said: Mapping[str, Any], labels: Collection[str]) -> Document:
    """Return the marks of what has these `labels` and is about a patient with this document."""
    found = {"div": said["div"]} if "div" in said else {}
    if {ALL, *labels}.intersection(said.get("kept", ())):
        found["shut"] = True
    return found


def _changes(type: str, said: Mapping[str, Any]) -> Iterator[tuple[Document, Document]]:
    """Yield the changes that give documents the marks that `said` comes to, each with its where."""
    # A patient's own document says it: written from what was read there, it would undo a move.
    if "div" in said and type != "Patient":
        yield {"div": {"$ne": said["div"]}}, {"$set": {"div": said["div"]}}
    kept = said.get("kept", [])
    if kept:
        chosen = {} if ALL in kept else {"sec": {"$in": kept}}
        yield {"shut": None, **chosen}, {"$set": {"shut": True}}
    if ALL not in kept:
        yield {"shut": True, "sec": {"$nin": kept}}, {"$unset": {"shut": ""}}


def _id(patient: str) -> str:
    return patient.partition("/")[2]
