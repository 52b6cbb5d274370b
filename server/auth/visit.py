"""What every page and endpoint asks of Flask: the services of this process, and who calls.

Spec: https://flask.palletsprojects.com/en/stable/extensiondev/
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, cast

from flask import current_app, request

from server.services import Services

SERVICES = "tongkang-services"
"""The key of Flask's extensions that gives the services of this process."""


def services() -> Services:
    """Return the services of this process."""
    return cast("Services", current_app.extensions[SERVICES]())


def address() -> str:
    """Return the address of who asks, as the nearest trusted proxy tells it."""
    return address_of(request.environ, services().interpreters.settings.trusted_proxies)


def address_of(environ: Mapping[str, Any], trusted: str) -> str:
    """Return the address that a WSGI request comes from; `trusted` proxies may name another."""
    direct = environ.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104  # of somebody without one
    told = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    return told[:45] if told and _is_trusted(direct, trusted) else direct


def _is_trusted(direct: str, trusted: str) -> bool:
    return trusted == "*" or any(
        ip_address(direct) in ip_network(one.strip(), strict=False) for one in trusted.split(",")
    )
