"""How one version of a resource follows another, with the history that is left behind.

A replacement is one transaction: the old version goes to the history and the new one takes its
place only if the old one is still there, so of two writers one loses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from server.store import documents
from server.store.bounds import Bounds
from server.store.documents import KEPT_FIELDS, MARKS, VERSION_FIELDS, Document, Draft, Version
from server.store.engine import Engine
from server.store.failures import refused

Current = Collection[Document]
Change = Callable[[Current, Document, ClientSession], Document | None]


@dataclass(frozen=True, slots=True)
class Succession:
    """Writes versions within what `bounds` allow; `now` gives microseconds since 1970."""

    engine: Engine
    bounds: Bounds
    now: Callable[[], int]

    def first(self, draft: Draft) -> Document:
        """Return the document of `draft` as the first version of its id."""
        moment = self.now()
        return documents.current(draft.over({}), 1, moment, self.stamped(draft, 1, moment))

    def stamped(self, draft: Draft, version: int, last_updated: int) -> bytes:
        """Return the bytes of `draft` as they would be stored as `version` of `last_updated`."""
        return self.engine.stamp(draft.body, draft.id, version, last_updated)

    def over_tombstone(self, draft: Draft, session: ClientSession) -> Document | None:
        """Store `draft` as the next version of its id if that was deleted; else return None."""
        if draft.posted:
            return None  # nobody had this id before
        collection = self.engine.collections.current(draft.type)
        where = self.bounds.of({"_id": draft.id, "del": True}, draft.type, "u")
        grave = collection.find_one(where, VERSION_FIELDS, session=session)
        if grave is None:
            return None
        old = documents.version(draft.type, grave)
        new = self.next(draft, old)
        self._supersede(old, new["lu"], self._replacing(old, new), session, "u")
        return new

    def replace(self, draft: Draft, old: Version) -> Document | None:
        """Return the document of `draft`, stored over `old`; None if `old` is there no longer.

        Raises Forbidden if the caller has no right to what it becomes.
        """
        new = self.next(draft, old)
        if not self._swap(old, new["lu"], self._replacing(old, new), "u"):
            return None
        self.settle(draft.type, new, old.marks)
        return new

    def bury(self, old: Version) -> int | None:
        """Return the moment when a tombstone was put over `old`; None if it is there no longer."""
        moment = self.after(old)
        change = [{"$replaceWith": documents.tombstone(old.version + 1, moment)}]

        def bury(collection: Current, where: Document, session: ClientSession) -> Document | None:
            return collection.find_one_and_update(where, change, KEPT_FIELDS, session=session)

        return moment if self._swap(old, moment, bury, "d") else None

    def settle(self, type: str, new: Document, before: Mapping[str, Any] | None = None) -> None:
        """Have `new`, which was stored over the marks `before`, belong where its patient does.

        If it is the patient, so has all that is about them, also from before they were known.
        """
        if _is_posted(type, new):
            return  # nobody could refer to this id before
        with refused():
            if moves(type, new, before or {}):
                self.engine.belonging.settle_record(f"Patient/{new['_id']}")
            else:
                self.engine.belonging.settle(type, new)

    def settle_all(self, written: Sequence[tuple[str, Document, Mapping[str, Any] | None]]) -> None:
        """Have what was `written` together, each (type, document, marks before), belong rightly."""
        unknown = {f"Patient/{new['_id']}" for type, new, _ in written if _is_posted(type, new)}
        ahead: list[tuple[str, Document]] = []
        for type, new, before in written:
            if moves(type, new, before or {}):
                self.settle(type, new, before)
            elif new.get("comp", ()) and unknown.isdisjoint(new["comp"]):
                ahead.append((type, new))
        patients = {new["comp"][0] for _, new in ahead if len(new["comp"]) == 1}
        belonging = self.engine.belonging
        said = belonging.said(patients)
        with refused():
            for type, new in ahead:
                belonging.settle(type, new, said.get(new["comp"][0]))

    def _replacing(self, old: Version, new: Document) -> Change:
        """Return the change that puts `new` in the place of `old`, and moves a patient's record."""
        encoded = documents.encoded(new)

        def put(collection: Current, where: Document, session: ClientSession) -> Document | None:
            replaced = collection.find_one_and_replace(where, encoded, KEPT_FIELDS, session=session)
            if replaced is not None and moves(old.type, new, old.marks):
                self.engine.belonging.mark_record(f"Patient/{old.id}", new, session)
            return replaced

        return put

    def _swap(self, old: Version, moment: int, change: Change, letter: str) -> bool:
        with refused():
            return self.engine.transaction(
                lambda session: self._supersede(old, moment, change, session, letter)
            )

    def _supersede(
        self, old: Version, moment: int, change: Change, session: ClientSession, letter: str
    ) -> bool:
        """Make `change` to version `old` and keep what it was; tell whether it was still there.

        It was not if it bears other marks now, which the change would lose.
        """
        collections = self.engine.collections
        named = {"_id": old.id, "v": old.version, **{name: old.marks.get(name) for name in MARKS}}
        where = self.bounds.of(named, old.type, letter)
        replaced = change(collections.current(old.type), where, session)
        if replaced is None:
            return False
        kept = documents.superseded(replaced, moment)
        collections.history(old.type).insert_one(kept, session=session)
        return True

    def next(self, draft: Draft, old: Version) -> Document:
        """Return the document of `draft` as the version after `old`, if the caller may write it."""
        following = draft.over(old.marks)
        self.bounds.require_within(following, "u")
        version, moment = old.version + 1, self.after(old)
        return documents.current(following, version, moment, self.stamped(draft, version, moment))

    def after(self, old: Version) -> int:
        """Return the moment of a version behind `old`."""
        # Two versions never share a millisecond, so that time orders them too.
        return max(self.now(), old.last_updated + 1000)


def _is_posted(type: str, new: Mapping[str, Any]) -> bool:
    return type == "Patient" and "post" in new


def moves(type: str, new: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Tell whether `new` is of a patient who had other divisions among the marks `before`."""
    return type == "Patient" and new.get("div", []) != before.get("div", [])
