"""The definitions that come with the server, put into a database as a server would store them.

A server takes seconds to work out the index entries of hundreds of definitions; a run of the tests
starts hundreds of servers. So that is done once in each mongod, and copied from there.
"""

from functools import cache

from pymongo import MongoClient

from server.identity import publishing
from server.services import Interpreters, Services
from server.settings import Settings

OURS: set[str] = set()
"""The URLs of the mongods that the tests have started for themselves."""
_TEMPLATE = "test_published"


@cache
def _template(url: str) -> tuple[str, ...]:
    """Make the database that is copied; return its collections."""
    services = Services.open(Interpreters.of(Settings(mongodb_url=url, database=_TEMPLATE)), bytes)
    try:
        publishing.publish(services)
        database = services.store.engine.collections.database
        return tuple(name for name in database.list_collection_names() if _is_copied(name))
    finally:
        services.close()


def _is_copied(name: str) -> bool:
    is_type = not name.startswith("_") and not name.endswith("_history")
    return is_type or name == publishing.SHELF.name


def stock(url: str, name: str) -> bool:
    """Have the database `name` hold what is published, unless it has some; tell if it is new."""
    with MongoClient(url) as client:
        there = client[name].list_collection_names()
        if publishing.SHELF.name in there:
            return False
        copied = _template(url)
        if not {*copied} & {*there}:
            for collection in copied:
                _copy(client, name, collection)
        return not there


def drop(url: str, name: str) -> None:
    """Drop the database `name`."""
    with MongoClient(url) as client:
        client.drop_database(name)


def _copy(client: MongoClient, name: str, collection: str) -> None:
    client[_TEMPLATE][collection].aggregate([{"$out": {"db": name, "coll": collection}}])
    if not collection.startswith("_"):
        # By this the store knows that there are resources of the type.
        client[name].create_collection(f"{collection}_history")
