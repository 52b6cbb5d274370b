"""The replica set of one node that gives a private mongod its transactions.

Everything here is done through throw-away clients: one that was opened before
the set is initiated goes on to say that sessions are not supported.

Spec: https://www.mongodb.com/docs/manual/reference/command/replSetInitiate/
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from server.store.mongod import SET_NAME

USER = "tongkang"
_AUTHENTICATION_FAILED = 18
_TOO_EARLY = (23, 94, 109)  # the configuration on disk is not read yet, or is just being changed
_PATIENCE_MS = 1000


def url(port: int, secret: str) -> str:
    """Return the URL of the private mongod that listens on `port`."""
    return f"mongodb://{USER}:{secret}@127.0.0.1:{port}/?replicaSet={SET_NAME}&authSource=admin"


def is_settled(port: int, secret: str) -> bool:
    """Bring the mongod on `port` one step nearer to taking writes; tell whether it takes them.

    The steps: initiate the set, or move it here if it was on another port;
    wait for the primary; create the one user.
    """
    try:
        with _client(port) as anonymous:
            state = anonymous.admin.command("hello")
            if state.get("isWritablePrimary"):
                _ensure_user(anonymous, port, secret)
                return True
            if "setName" not in state:
                _configure(anonymous, port, secret)
    except ConnectionFailure:
        return False
    return False


def _configure(anonymous: MongoClient[dict[str, Any]], port: int, secret: str) -> None:
    """Give the node a configuration in which it finds itself at `port`."""
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    with _client(port, username=USER, password=secret) as client, _forgiving(*_TOO_EARLY):
        try:
            old = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
            # There is no user yet, hence no configuration: the set is new.
            anonymous.admin.command("replSetInitiate", {"_id": SET_NAME, "members": [member]})
            return
        moved = {**old, "version": old["version"] + 1, "members": [{**old["members"][0], **member}]}
        client.admin.command("replSetReconfig", moved, force=True)


@contextmanager
def _forgiving(*codes: int) -> Iterator[None]:
    """Pass over the database's refusals with one of `codes`: the step is tried again."""
    try:
        yield
    except OperationFailure as error:
        if error.code not in codes:
            raise


def _ensure_user(anonymous: MongoClient[dict[str, Any]], port: int, secret: str) -> None:
    """Create the user whom the first start, or one that was cut short, has not yet created."""
    with _client(port, username=USER, password=secret) as client:
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
            # mongod lets a caller from loopback create the first user, and only that one.
            anonymous.admin.command("createUser", USER, pwd=secret, roles=["root"])


def _client(
    port: int, username: str | None = None, password: str | None = None
) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=_PATIENCE_MS,
        socketTimeoutMS=10 * _PATIENCE_MS,
        username=username,
        password=password,
    )
