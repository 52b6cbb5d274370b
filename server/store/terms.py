"""The index terms that resources have, such as all tags in use.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/filter/
"""

from collections.abc import Sequence

from pymongo.collection import Collection

from server.store.documents import Document

_MOST = 10_000


def found(collection: Collection[Document], where: Document, starts: Sequence[str]) -> list[str]:
    """Return the terms that begin with one of `starts`, sorted, each once.

    They are those of the first 10,000 documents that fulfil `where`, and at most as many.
    """
    is_wanted = {"$or": [{"$eq": [{"$indexOfCP": ["$$term", one]}, 0]} for one in starts]}
    stages: list[Document] = [
        {"$match": where},
        {"$limit": _MOST},
        {"$project": {"t": {"$filter": {"input": "$t", "as": "term", "cond": is_wanted}}}},
        {"$unwind": "$t"},
        {"$group": {"_id": "$t"}},
        {"$sort": {"_id": 1}},
        {"$limit": _MOST},
    ]
    return [each["_id"] for each in collection.aggregate(stages)]
