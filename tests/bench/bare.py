"""What a read by id costs at the least: a Flask view that finds one document, gives its bytes."""

import os

from flask import Flask, Response
from pymongo import MongoClient

app = Flask(__name__)
opened = []


def patients():
    """Return the collection, opened with the first request, which is after the fork."""
    if not opened:
        client = MongoClient(os.environ["TONGKANG_MONGODB_URL"])
        opened.append(client[os.environ["TONGKANG_DATABASE"]]["Patient"])
    return opened[0]


@app.get("/fhir/Patient/<id>")
def read(id):
    document = patients().find_one({"_id": id})
    headers = {"ETag": f'W/"{document["v"]}"'}
    return Response(document["raw"], content_type="application/fhir+json", headers=headers)


@app.get("/readyz")
def readyz():
    return "ok"
