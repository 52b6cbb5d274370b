"""One worker's search parameters of our own, driven step by step."""

import json

from server.access.visibility import EVERYTHING
from server.profiles import own_parameters
from server.profiles.own_parameters import View
from server.store.documents import Draft
from server.store.jobs import Jobs
from server.store.registry import Registry, Rules
from server.store.reindexing import Reindexing


class Process:
    """A registry as each worker has one; its entries of a Patient are one term for each
    parameter that it has heard of.

    `before` is called with each resource before its entries are computed.
    """

    def __init__(self, store, before=lambda _: None):
        self.store, self.before = store, before
        self.own, self.waiting, self.seen = {}, {}, []
        engine = store.engine
        pass_over = Reindexing(
            engine, Jobs(engine.collections.database), self.entries, engine.collections._indexes
        )
        self.registry = Registry(engine, Rules(self.view, self.apply), pass_over)
        self.resources = store.resources(EVERYTHING)

    def view(self, stored):
        facts = tuple(own_parameters.read(one) for one in stored if own_parameters.is_active(one))
        own = {"Patient": facts} if facts else {}
        return View(own, own)

    def apply(self, own, waiting):
        self.own, self.waiting = own, waiting

    @property
    def usable(self):
        return {one.code for one in self.own.get("Patient", ())} - {
            *self.waiting.get("Patient", {})
        }

    def entries(self, resource):
        self.before(resource)
        self.seen.append(resource["id"])
        return {"t": sorted(f"{one.code}={one.expression}" for one in self.own.get("Patient", ()))}

    def write(self, id):
        with self.registry.writing():
            return self.create(id)

    def create(self, id):
        resource = {"resourceType": "Patient", "id": id}
        body = b'{"resourceType":"Patient"}'
        return self.resources.create(Draft("Patient", id, body, self.entries(resource)))

    def define(self, code, expression="a", status="active", url=None):
        """Store the SearchParameter `code`, or its next version."""
        parameter = {
            "resourceType": "SearchParameter", "url": url or f"urn:{code}", "code": code,
            "type": "token", "base": ["Patient"], "status": status, "expression": expression,
        }  # fmt: skip
        draft = Draft("SearchParameter", code, json.dumps(parameter).encode(), {})
        old = self.resources.find("SearchParameter", code)
        if old is None:
            self.resources.create(draft)
        else:
            self.resources.replace(draft, old)

    def settle(self):
        """Look, and work until there is nothing to do."""
        self.registry.refresh()
        while self.registry.work():
            pass
        self.registry.refresh()


def terms(database):
    """Return the entries of every Patient, by id."""
    return {each["_id"]: each["t"] for each in database.Patient.find({"del": None})}
