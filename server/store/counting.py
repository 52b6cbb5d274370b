"""How many documents there are of a kind, exactly or about.

Where some are not in their collection before somebody asks for them, those are counted where they
are, if they can be, as of the same moment.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/sample/
"""

from pymongo.client_session import ClientSession

from server.store import moments
from server.store.collections import NONE, Collections
from server.store.documents import Document

_COUNTED = 10_001
_SAMPLED = 1000


def counted(
    collections: Collections, type: str, where: Document, at_most: int | None = None
) -> int:
    """Return how many of `type` fulfil `where`, or `at_most` if there are more."""
    found = sum(_parts(collections, type, where, at_most))
    return found if at_most is None else min(found, at_most)


def estimated(collections: Collections, type: str, where: Document) -> int:
    """Return how many of `type` fulfil `where`; beyond 10,000 by 1,000 taken at random."""
    elsewhere, here = _parts(collections, type, where, _COUNTED)
    if here < _COUNTED:
        return elsewhere + here
    collection = collections.current(type, NONE)
    stages: list[Document] = [
        {"$sample": {"size": _SAMPLED}},
        {"$match": where},
        {"$project": {"_id": 1}},
    ]
    found = sum(1 for _ in collection.aggregate(stages))
    share = found * collection.estimated_document_count() // _SAMPLED
    return elsewhere + max(_COUNTED, share)


def _parts(
    collections: Collections, type: str, where: Document, at_most: int | None
) -> tuple[int, int]:
    """Return how many fulfil `where` elsewhere and in their collection, of these `at_most`."""
    limited: Document = {} if at_most is None else {"limit": at_most}
    count = collections.elsewhere[type](where) if type in collections.elsewhere else None
    if count is None:
        return 0, collections.current(type, where).count_documents(where, **limited)
    collection = collections.current(type, NONE)

    def read(session: ClientSession) -> tuple[int, int]:
        return count(session), collection.count_documents(where, session=session, **limited)

    found, _ = moments.as_of(collections.database.client, (), read)
    return found
