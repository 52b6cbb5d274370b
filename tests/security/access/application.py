"""The server under test: the real one, but that a bearer token says its own rights.

With ``application:broken("name")`` one part of the enforcement is removed before it starts, which
the proof has to find.
"""

import json
import os
from base64 import urlsafe_b64decode
from functools import partial
from threading import Lock
from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from server.access import scopes
from server.access.caller import Caller, Party
from server.access.policy import OPEN, Access, Masks, Region, Rights, granted
from server.api.fhir import FhirEndpoint
from server.api.health import probes
from server.auth.bearer import presented, refused
from server.interactions.statement import Statement
from server.services import Interpreters, Services
from server.settings import Settings
from tests.security.access.breaking import BREAKS

WHOLE = "whole"
"""Who sets the world up, and sees all of it."""


def decided(services: Services, said: dict[str, Any]) -> Access:
    """Return what a token comes to that says `said`."""
    about = said["about"] if said["about"] is None else tuple(said["about"])
    kind = {"resident": "resident", "system": "system"}.get(said["role"], "staff")
    levels = {
        "resident": {"patient": about, "user": about},
        "system": {"system": None},
        "staff": {"user": None},
    }[kind]
    roles = services.interpreters.roles
    rights = granted(roles, said["role"], scopes.parse(said["scope"]).clinical, levels)
    caller = Caller(
        kind=kind,
        role=said["role"] if kind == "staff" else None,
        organization=Party(said["organization"]),
        division=said["division"],
    )
    limited = said["divisions"] is not None or said["organizations"]
    region = Region(
        divisions=tuple(said["divisions"] or ()), organizations=tuple(said["organizations"])
    )
    return services.access(
        Rights(
            caller=caller,
            rights=rights,
            region=region if limited else None,
            withheld=frozenset(said["withheld"]),
            lifted=tuple(said["lifted"]),
            masks={
                type: Masks(frozenset(hidden), frozenset(masked))
                for type, (hidden, masked) in said["masks"].items()
            },
        )
    )


def authenticate(known, services, environ):
    """Return the access of whoever sent a request; `known` are the decisions up to now."""
    token = presented(environ)
    if token == WHOLE:
        return OPEN
    if token not in known:
        try:
            said = json.loads(urlsafe_b64decode(token))
        except ValueError:
            raise refused("token-unknown") from None
        known[token] = decided(services, said)
    return known[token]


def make() -> Flask:
    """Return the application."""
    interpreters = Interpreters.of(Settings.from_environment(os.environ))
    capabilities = Statement(interpreters)
    made, lock = [], Lock()

    def services():
        with lock:
            if not made:
                made.append(Services.open(interpreters, capabilities))
                made[0].registry.start(working=True)
        return made[0]

    app = Flask("server", static_folder=None)
    app.register_blueprint(probes(services))
    mounts = {"/fhir": FhirEndpoint(services, partial(authenticate, {}))}
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)
    return app


def broken(name: str) -> Flask:
    """Return the application without one part of the enforcement."""
    BREAKS[name]()
    return make()
