"""What every page and endpoint asks of Flask: the services of this process, and who calls.

Spec: https://flask.palletsprojects.com/en/stable/extensiondev/
"""

from ipaddress import ip_address, ip_network
from typing import cast

from flask import current_app, request

from server.services import Services

SERVICES = "tongkang-services"
"""The key of Flask's extensions that gives the services of this process."""


def services() -> Services:
    """Return the services of this process."""
    return cast("Services", current_app.extensions[SERVICES]())


def address() -> str:
    """Return the address of who asks, as the nearest trusted proxy tells it."""
    direct = request.remote_addr or "0.0.0.0"  # noqa: S104  # of somebody without one
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return told[:45] if told and _is_trusted(direct) else direct


def _is_trusted(direct: str) -> bool:
    trusted = services().interpreters.settings.trusted_proxies
    return trusted == "*" or any(
        ip_address(direct) in ip_network(one.strip(), strict=False) for one in trusted.split(",")
    )
