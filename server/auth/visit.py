"""What every page and endpoint asks of Flask: the services of this process, and who calls.

Spec: https://flask.palletsprojects.com/en/stable/extensiondev/
"""

from typing import cast

from flask import current_app, request

from server.access import source
from server.services import Services

SERVICES = "tongkang-services"
"""The key of Flask's extensions that gives the services of this process."""


def services() -> Services:
    """Return the services of this process."""
    return cast("Services", current_app.extensions[SERVICES]())


def address() -> str:
    """Return the address of who asks; all whose is not known have one together."""
    return source.address(request.environ, services().interpreters.settings.trusted_proxies) or ""
