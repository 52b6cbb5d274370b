"""The Flask application: the faces put together."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from server import content
from server.access.policy import OPEN
from server.api import telemetry
from server.api.fhir import Authenticate, FhirEndpoint
from server.api.health import probes
from server.api.responses import XML
from server.api.transport import Encrypted
from server.auth.bearer import Bearers
from server.auth.cors import Known, Shared
from server.auth.endpoints import SMART, endpoints, grants
from server.auth.keys import Keys
from server.auth.registration import registration
from server.auth.server import Server
from server.auth.visit import SERVICES
from server.fhir.outcome import FhirError
from server.identity import publishing, totp
from server.interactions.statement import Statement
from server.portal import (
    apps,
    clients_page,
    copy,
    definitions_page,
    developer,
    emergencies,
    guardians_page,
    launches_page,
    lookers,
    persons_page,
    readings,
    record,
    register,
    review,
    security,
    staff,
)
from server.portal.authorize import authorize
from server.portal.consent import consent
from server.portal.launching import launches
from server.portal.leaving import leaving
from server.portal.pages import LANGUAGE, LARGEST_FORM, ZONE
from server.portal.readable import Readable
from server.portal.sign_in import sign_in
from server.portal.welcome import pages
from server.services import Interpreters, Services
from server.settings import Settings
from server.store import safe
from server.store.database import check_url

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Made = TypeVar("Made")


class _Once(Generic[Made]):
    """Calls `make` for the first caller and gives its result to all."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = Lock()
        self.made: Made | None = None

    def __call__(self) -> Made:
        if self.made is None:
            with self._lock:
                self.made = self.made or self._make()
        return self.made


_ROOMS = (
    record,
    lookers,
    apps,
    copy,
    readings,
    emergencies,
    launches_page,
    review,
    register,
    persons_page,
    guardians_page,
    security,
    staff,
    clients_page,
    definitions_page,
    developer,
)
"""The pages of people who are signed in, or about to be."""


def _authentication(settings: Settings, services: Callable[[], Services]) -> Authenticate:
    """Return what finds out who is calling: an open server asks nobody."""
    if settings.access == "open":
        return lambda _services, _environ: OPEN
    bearers = _Once(lambda: Bearers(services(), services().trail.epoch))
    return lambda _services, environ: bearers().access(environ)


def _at(path: str, application: "WSGIApplication") -> "WSGIApplication":
    """Return `application` as it answers at `path`, which lies below another's."""

    def answered(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return application({**environ, "SCRIPT_NAME": "", "PATH_INFO": path}, start_response)

    return answered


def _encrypt(services: Services) -> None:
    """Encrypt what was kept in another way before this start; what cannot be, at the next."""
    with suppress(FhirError):
        Keys(services).encrypt()
        totp.encrypt(services)


def _mounted(
    pages: "WSGIApplication", fhir: "WSGIApplication", interpreters: Interpreters
) -> "WSGIApplication":
    """Return the pages with the FHIR endpoint among them, in production over TLS only."""
    settings = interpreters.settings
    mounted = DispatcherMiddleware(pages, {SMART: _at(SMART, pages), "/fhir": fhir})
    if settings.mode != "production":
        return mounted
    return Encrypted(mounted, settings.language, interpreters.xml)


def _flask(interpreters: Interpreters) -> Flask:
    """Return Flask as the pages need it, still without any."""
    app = Flask("server", static_folder=None)
    app.config[LANGUAGE] = interpreters.settings.language
    app.config[ZONE] = interpreters.zone
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.extensions[XML] = interpreters.xml
    return app


def _opening(interpreters: Interpreters, published: Event) -> Callable[[], Services]:
    """Return what opens the services of a process, and has it begin what it does by itself.

    `published` is set once the definitions that come with the server are stored.
    """
    with content.loading():
        capabilities = Statement(interpreters)

    def opened() -> Services:
        made = Services.open(interpreters, capabilities)
        made.registry.start(working=True)
        publishing.begin(made, published)
        if interpreters.settings.access == "oauth":
            Thread(target=_encrypt, args=(made,), daemon=True).start()
        return made

    return opened


def create_app(settings: Settings) -> Flask:
    """Return the application.

    Made once before the workers fork; each worker opens its own connection to
    the database with its first request. Raises CannotStart if the URL of the
    database, or the keys for what is kept secret, cannot be read.
    """
    telemetry.configure_logging(settings.log_level)
    if settings.mongodb_url is not None:
        check_url(settings.mongodb_url)
    safe.check(settings)
    interpreters = Interpreters.of(settings)
    published = Event()
    services = _Once(_opening(interpreters, published))
    app = _flask(interpreters)
    app.register_blueprint(probes(services, published.is_set))
    app.extensions[SERVICES] = services
    app.register_blueprint(pages(services))
    for room in _ROOMS:
        app.register_blueprint(room.pages(services))
    for blueprint in (sign_in(), authorize(), consent(), leaving(), launches(services)):
        app.register_blueprint(blueprint)
    server = _Once(lambda: Server(services(), grants()))
    known = Known(services)
    app.register_blueprint(endpoints(server, services, known))
    app.register_blueprint(registration(services, known))
    fhir = Shared(FhirEndpoint(services, _authentication(settings, services)), known)
    readable = Readable(fhir, interpreters.publications)
    mounted = _mounted(app.wsgi_app, readable, interpreters)
    # The type of wsgi_app is a method; to wrap it is what Flask's documentation advises.
    app.wsgi_app = mounted  # type: ignore[assignment, method-assign]
    return app


def close(application: object) -> None:
    """Close what this process has opened for `application`, if that is one of ours."""
    opened = getattr(application, "extensions", {}).get(SERVICES)
    if isinstance(opened, _Once) and opened.made is not None:
        opened.made.close()
