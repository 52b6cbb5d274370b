"""A WSGI application that needs little: it says who answers and whether the database does."""

import os
import urllib.parse

from pymongo import MongoClient
from pymongo.errors import PyMongoError

CLIENTS = {}


def app(environ, start_response):
    """Answer /livez always, /readyz when the database can be written to, others with our pid."""
    path = environ["PATH_INFO"]
    if path == "/readyz":
        ready = _database_writes()
        start_response("200 OK" if ready else "503 Service Unavailable", [])
        return [b""]
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {urllib.parse.unquote(path)}".encode()]


def _database_writes():
    client = CLIENTS.setdefault(
        os.getpid(),
        MongoClient(os.environ["TONGKANG_MONGODB_URL"], timeoutMS=1000, connect=False),
    )
    try:
        client.standin.written.insert_one({})
    except PyMongoError:
        return False
    return True
