"""How many documents there are of a kind, exactly or about.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/sample/
"""

from typing import Any

from pymongo.collection import Collection

from server.store.documents import Document

_COUNTED = 10_001
_SAMPLED = 1000


def counted(collection: Collection[Document], where: Document, at_most: int | None = None) -> int:
    """Return how many documents fulfil `where`, or `at_most` if there are more."""
    limited: dict[str, Any] = {} if at_most is None else {"limit": at_most}
    return collection.count_documents(where, **limited)


def estimated(collection: Collection[Document], where: Document) -> int:
    """Return how many documents fulfil `where`; beyond 10,000 by 1,000 taken at random."""
    count = counted(collection, where, _COUNTED)
    if count < _COUNTED:
        return count
    stages: list[Document] = [
        {"$sample": {"size": _SAMPLED}},
        {"$match": where},
        {"$project": {"_id": 1}},
    ]
    found = sum(1 for _ in collection.aggregate(stages))
    return max(_COUNTED, found * collection.estimated_document_count() // _SAMPLED)
