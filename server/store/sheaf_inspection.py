"""The proof that the reads which the trail has in sheaves are those that it tells of.

What a record says of a sheaf is held against it, and for each sheaf the record is looked for.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from time import time

import orjson
from pymongo.database import Database

from server.fhir.json import Resource
from server.store.documents import Document
from server.store.lanes import TYPE
from server.store.sheaves import BOUND, SHEAVES, UNFOLDED, digest
from server.store.spool import lines
from server.store.verification import Finding

_TELLS = b'"%b"' % BOUND.encode()
_RECENT_US = 60 * 1_000_000


class SheafInspection:
    """Reads the sheaves of a `database`.

    `facts` returns what a record says, as names and values; `is_sound` tells whether a sheaf is
    found by what is in it.
    """

    def __init__(
        self,
        database: Database[Document],
        facts: Callable[[Resource], Mapping[str, str]],
        is_sound: Callable[[Document], bool],
    ) -> None:
        self._sheaves = database[SHEAVES]
        self._records = database[TYPE]
        self._facts = facts
        self._is_sound = is_sound

    def faults(self, raw: bytes) -> Iterator[str]:
        """Yield what is wrong with the sheaf that the record `raw` tells of, if it tells of one."""
        if _TELLS not in raw:
            return
        facts = self._said(raw)
        sheaf = self._sheaves.find_one({"_id": facts.get(BOUND)})
        if sheaf is None:
            yield "trail-sheaf-missing"
        elif not (_is_told(sheaf, facts) and self._is_sound(sheaf)):
            yield "trail-sheaf-changed"

    def findings(self) -> Iterator[Finding | None]:
        """Yield each sheaf that no record tells of as it is, and None for each read in the others.

        One that has just been stored may have its record in a moment.
        """
        recent = int(time() * 1_000_000) - _RECENT_US
        for sheaf in self._sheaves.find(sort=[("_id", 1)]):
            is_folded = sheaf.get("folded") is True
            what, field = (BOUND, "at") if is_folded else (UNFOLDED, "unfolding")
            at = sheaf.get(field)
            is_new = is_folded and isinstance(at, int) and at > recent
            if not is_new and not self._is_known(sheaf, what, at):
                yield Finding(TYPE, str(sheaf["_id"]), "trail-sheaf-unknown")
            elif is_folded:
                yield from repeat(None, sum(1 for _ in lines(bytes(sheaf["lines"]))))

    def _is_known(self, sheaf: Document, what: str, at: object) -> bool:
        """Tell whether a record of what was `at` tells this, `what`, of `sheaf`."""
        rows = self._records.find({"ds": at}, {"raw": 1})
        return any(self._said(bytes(row["raw"])).get(what) == sheaf["_id"] for row in rows)

    def _said(self, raw: bytes) -> Mapping[str, str]:
        try:
            return self._facts(orjson.loads(raw))
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}


def _is_told(sheaf: Document, facts: Mapping[str, str]) -> bool:
    """Tell whether `sheaf` is as it was when it was stored, and its number of reads with it."""
    text = sheaf.get("lines")
    is_sound = isinstance(text, bytes) and digest(text) == facts.get("sm3")
    return is_sound and str(sheaf.get("n")) == facts.get("records")
