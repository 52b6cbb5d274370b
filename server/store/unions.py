"""Resources of several types by one question to the database.

The types come one after the other, and of each the ids ascend, so a page is found again by the
last id alone: that never changes, and no index has to be there but those of the conditions.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/unionWith/
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.store.collections import Collections
from server.store.documents import Document
from server.store.failures import refused

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked of one `type`: all that fulfils every one of the `conditions`.

    `label` is given with each resource instead of the type, where one type is asked for twice.
    """

    type: str
    conditions: tuple[Mapping[str, Any], ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Unions:
    """Unions of the current versions; `where` adds what the caller may see of a type."""

    collections: Collections
    where: Callable[..., Document]

    def rows(
        self, parts: Sequence[Part], fields: Sequence[str], limit: int | None
    ) -> Iterator[tuple[str, Document]]:
        """Yield the type, or label, and the document, of at most `limit` resources.

        A document has `_id` and `fields`. Without a limit they come in no order within their type.
        They are read while they are taken, so that all of them need little memory.
        """
        if not parts:
            return
        wanted = dict.fromkeys(("_id", *fields), 1)
        enough: list[Document] = []
        if limit is not None:
            enough = [{"$sort": {"_id": 1}}, {"$limit": limit}]
        pipelines = [
            [
                {"$match": self.where(part.type, *part.conditions)},
                *enough,
                {"$project": {**wanted, "of": {"$literal": part.label or part.type}}},
            ]
            for part in parts
        ]
        others = zip(parts[1:], pipelines[1:], strict=True)
        united = [{"$unionWith": {"coll": part.type, "pipeline": one}} for part, one in others]
        stages: list[Document] = [*pipelines[0], *united, *enough[1:]]
        for part in parts[1:]:
            self.collections.current(part.type, self.where(part.type, *part.conditions))
        first = parts[0]
        collection = self.collections.current(first.type, self.where(first.type, *first.conditions))
        with (
            refused(alive=self.collections.answers),
            collection.aggregate(stages, batchSize=_BATCH) as found,
        ):
            for document in found:
                yield document.pop("of"), document
