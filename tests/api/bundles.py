"""Bundles for tests, and what is read from their answers."""

import uuid
from urllib.parse import urlsplit

from tests.api.client import refused
from tests.builders import observation


def urn():
    """Return an identity that an entry can have until it has an id."""
    return f"urn:uuid:{uuid.uuid4()}"


def entry(method, url, resource=None, full_url=None, **request):
    """Return one entry; ``ifNoneExist="x"`` and the like go into its request."""
    made = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    return made if full_url is None else {"fullUrl": full_url, **made}


def created(resource, full_url=None, **request):
    """Return the entry that creates `resource`."""
    return entry("POST", resource["resourceType"], resource, full_url, **request)


def put(resource, **request):
    """Return the entry that stores `resource` under its id."""
    return entry("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **request)


def about(reference, **elements):
    """Return an Observation about what `reference` says."""
    return observation(subject={"reference": reference}, **elements)


def bundle(type, entries):
    """Return a Bundle of `entries`."""
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def transaction(*entries):
    """Return a transaction of `entries`."""
    return bundle("transaction", entries)


def batch(*entries):
    """Return a batch of `entries`."""
    return bundle("batch", entries)


def done(answer, type="transaction"):
    """Return the entries of the answer to a Bundle that was done."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["type"] == f"{type}-response"
    return body.get("entry", [])


def statuses(entries):
    """Return the status codes of `entries`."""
    return [int(one["response"]["status"][:3]) for one in entries]


def place(answered):
    """Return (type, id, version) of what an entry was answered to have written."""
    path = urlsplit(answered["response"]["location"]).path
    type, id, _, version = path.split("/")[-4:]
    return type, id, int(version)


def path(answered):
    """Return ``Type/id`` of what an entry was answered to have written."""
    type, id, _ = place(answered)
    return f"{type}/{id}"


def why(answer, status):
    """Return the key of the message with which a Bundle was refused, with this status."""
    return refused(answer, status)[0]["details"]["coding"][0]["code"]
