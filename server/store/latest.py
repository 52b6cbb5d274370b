"""The latest resources of each code: ranked by the database, which gives no more than it has to.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.store.collections import Collections
from server.store.documents import Document
from server.store.failures import refused


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest current versions of a `type`; `where` adds what the caller may see."""

    collections: Collections
    type: str
    where: Callable[..., Document]

    def rows(self, condition: Mapping[str, Any], count: int, limit: int) -> list[Document]:
        """Return `_id`, `c` and `ds` of at most `limit` resources that fulfil `condition`.

        Of all that have the same main codes `c` these are the latest `count` by their main date
        `ds`, and whatever is as late as the last of them. What has no date is the oldest.
        """
        # A partition cannot be an array, but an object that has one.
        ranked = {
            "partitionBy": {"codes": "$c"},
            "sortBy": {"ds": -1},
            "output": {"rank": {"$rank": {}}},
        }
        stages: list[Document] = [
            {"$match": self.where(condition)},
            {"$project": {"c": 1, "ds": 1}},
            {"$setWindowFields": ranked},
            {"$match": {"rank": {"$lte": count}}},
            {"$limit": limit},
        ]
        with refused(alive=self.collections.answers):
            found = self.collections.current(self.type).aggregate(stages, allowDiskUse=True)
            return list(found)
