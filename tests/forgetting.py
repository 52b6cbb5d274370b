"""Making a real mongod forget what was, which it does by itself after minutes."""

from contextlib import contextmanager

from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure

from tests.processes import wait_until

WINDOW = "minSnapshotHistoryWindowInSeconds"
TOO_OLD = 239


@contextmanager
def forgetting(client):
    """For the block, `client`'s mongod keeps nothing of what was; give what waits for that.

    That is a function of a moment, (seconds, increment).
    """
    before = client.admin.command("getParameter", 1, **{WINDOW: 1})[WINDOW]
    # A collection that is newer than the moment would tell nothing.
    client.admin.forgetting.insert_one({})
    client.admin.command("setParameter", 1, **{WINDOW: 0})
    try:
        yield lambda moment: wait_until(lambda: _is_forgotten(client, moment), seconds=30)
    finally:
        client.admin.command("setParameter", 1, **{WINDOW: before})


def _is_forgotten(client, moment):
    # Time goes on with writes only.
    client.admin.forgetting.insert_one({})
    concern = {"level": "snapshot", "atClusterTime": Timestamp(*moment)}
    try:
        client.admin.command({"find": "forgetting", "limit": 1, "readConcern": concern})
    except OperationFailure as error:
        return error.code == TOO_OLD
    return False
